import { parentPort, workerData } from 'node:worker_threads'
import type { Answer, Ask } from './metadata/sqlite/checkpoint-thread.ts'
import type { Setting } from './metadata/sqlite/thread.ts'

// The thread that takes the log of an SQLite file into the file. Started by metadata/sqlite/checkpoint-thread.ts, of no use to
// anyone else.

const { file, sqlite } = workerData as Setting
const { default: Database } = (await import(sqlite)) as { default: typeof import('better-sqlite3') }
const database = new Database(file, { fileMustExist: true })
// Whatever the default of this build: what leaves the log must be on the disk.
database.pragma('synchronous = FULL')

parentPort?.on('message', (ask: Ask) => {
  if (ask === 'end') {
    database.close()
    parentPort?.close()
    return
  }
  const answer: Answer = { failure: null }
  try {
    const [row] = database.pragma('wal_checkpoint(PASSIVE)') as [{ busy: number }]
    if (row.busy !== 0) answer.failure = 'Somebody else takes the log into the file'
  } catch (error) {
    answer.failure = String(error)
  }
  parentPort?.postMessage(answer)
})
