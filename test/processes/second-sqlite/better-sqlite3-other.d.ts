// The same package under another name: a second SQLite in the process.
declare module 'better-sqlite3-other' {
  import Database from 'better-sqlite3'

  export default Database
}
