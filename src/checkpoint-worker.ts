import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { Answer, Ask } from './metadata/sqlite/checkpoint-thread.ts'
import type { ThreadSetting } from './metadata/sqlite/thread.ts'

// The thread that copies the write-ahead log of an SQLite file into the file. Only for
// metadata/sqlite/checkpoint-thread.ts, which starts it.

const { file, sqlite } = workerData as ThreadSetting
const { href } = pathToFileURL(sqlite as string)
const { default: Database } = (await import(href)) as { default: typeof import('better-sqlite3') }
const database = new Database(file, { fileMustExist: true })
// Set explicitly, because the default of the build may differ: what leaves the log must be on the disk.
database.pragma('synchronous = FULL')

parentPort?.on('message', (ask: Ask) => {
  if (ask === 'end') {
    database.close()
    parentPort?.unref() // ends the thread, also in Deno, which has no close()
    return
  }
  const answer: Answer = { failure: null }
  try {
    const [row] = database.pragma('wal_checkpoint(PASSIVE)') as [{ busy: number }]
    if (row.busy !== 0) answer.failure = 'Another connection is checkpointing the log into the file'
  } catch (error) {
    answer.failure = String(error)
  }
  parentPort?.postMessage(answer)
})
