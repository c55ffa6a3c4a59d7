// Express 4 under a name of its own; what is used here is the same in both versions.
declare module 'express4' {
  export { default } from 'express'
}
