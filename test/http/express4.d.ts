// Express 4 under a name of its own; what is used of it here is alike in both.
declare module 'express4' {
  export { default } from 'express'
}
