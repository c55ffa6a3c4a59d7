import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { CopyAnswer } from './metadata/sqlite/backup.ts'
import type { ThreadSetting } from './metadata/sqlite/thread.ts'

// The thread that copies an SQLite file. Only for metadata/sqlite/backup.ts, which starts it with a target path and may
// later send a message to stop.

/** Copied at once: 1 MiB of pages of the usual size. Between the pieces it checks for the stop message. */
const pagesAtOnce = 256

const { file, sqlite } = workerData as ThreadSetting
const { href } = pathToFileURL(sqlite as string)
const { default: Database } = (await import(href)) as { default: typeof import('better-sqlite3') }
let stopped = false

parentPort?.on('message', (message: string) => {
  if (message === 'stop') stopped = true
  else void copy(message)
})

async function copy(to: string): Promise<void> {
  let failure: { message: string; code?: string } | null = null
  try {
    await copyAsOfNow(to)
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    failure = code === undefined ? { message } : { message, code }
  }
  parentPort?.postMessage({ kind: 'end', failure } satisfies CopyAnswer)
  parentPort?.unref() // ends the thread, also in Deno, which has no close()
}

async function copyAsOfNow(to: string): Promise<void> {
  const database = new Database(file, { readonly: true, fileMustExist: true })
  try {
    // Keeps what is committed from now on out of the copy. Otherwise SQLite would begin again with each commit of
    // another connection.
    database.exec('begin')
    database.pragma('user_version') // the first read takes the snapshot
    await database.backup(to, {
      progress({ totalPages, remainingPages }) {
        if (stopped) throw new Error('it was stopped')
        const pages = totalPages - remainingPages
        parentPort?.postMessage({ kind: 'progress', pages, of: totalPages } satisfies CopyAnswer)
        return pagesAtOnce
      },
    })
  } finally {
    database.close()
  }
}
