export { append, putPart } from './append.ts'
export { finish } from './finish.ts'
export { abortResumable, createResumable, statResumable } from './resumables.ts'
