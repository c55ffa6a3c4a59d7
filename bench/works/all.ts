import { uploads } from './upload.ts'
import type { Work } from './work.ts'

export const works: readonly Work[] = [...uploads]
