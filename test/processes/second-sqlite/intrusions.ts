import { copyFile, cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import OtherDatabase from 'better-sqlite3-other'

/** What a host may do in its own process, in good faith, to the file that the store has open. */
export const intrusions = {
  /** The way to back up in many manuals. */
  async backup(file: string) {
    const database = new OtherDatabase(file, { readonly: true })
    await database.backup(`${file}.copy`)
    database.close()
  },
  async query(file: string) {
    const database = new OtherDatabase(file, { readonly: true })
    database.prepare('select count(*) from blobstore_blob').get()
    database.close()
  },
  async 'node:sqlite'(file: string) {
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(file, { readOnly: true })
    database.prepare('select count(*) from blobstore_blob').get()
    database.close()
  },
  async readFile(file: string) {
    await readFile(file)
  },
  async copyFile(file: string) {
    await copyFile(file, `${file}.copy`)
  },
  /** The folder, with log and index. */
  async cp(file: string) {
    await cp(join(file, '..'), `${join(file, '..')}.copy`, { recursive: true })
  },
  /** The index alone: the locks on the file stay. */
  async 'read of -shm'(file: string) {
    await readFile(`${file}-shm`)
  },
  /** Until something is closed, no lock is lost. */
  async 'opened and left open'(file: string) {
    const database = new OtherDatabase(file)
    database.prepare('select count(*) from blobstore_blob').get()
    kept.push(database)
  },
} satisfies Record<string, (file: string) => Promise<void>>

const kept: unknown[] = []

export type Intrusion = keyof typeof intrusions
