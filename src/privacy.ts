export type { PrivatePart } from './privacy/parts.ts'
export { type PrivateDataFound, type PrivateDataOptions, privateData } from './privacy/private-data.ts'
export type { SearchedFormat } from './privacy/search.ts'
export type { Change, ExaminedUpload, Privacy } from './store/privacy.ts'
