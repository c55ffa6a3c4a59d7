import { Worker } from 'node:worker_threads'
import type { Database } from 'better-sqlite3'
import { BlobStoreError } from '../../errors.ts'
import { programFile } from '../../programs.ts'
import { fileOf } from './load-sqlite.ts'

/** What a thread is started with. */
export interface ThreadSetting {
  /** The SQLite file as SQLite resolved it: absolute, and without symbolic links. */
  file: string
  /**
   * The path of the better-sqlite3 that this process uses: with two copies of SQLite in one process, each drops the
   * file locks of the other (https://sqlite.org/howtocorrupt.html, section 2.2.1). Null if it has none.
   */
  sqlite: string | null
}

/** For threads with connections of their own to the same file. */
export function threadSetting(database: Database): ThreadSetting {
  const [main] = database.pragma('database_list') as [{ file: string }]
  return { file: main.file, sqlite: fileOf(database.constructor as typeof import('better-sqlite3')) }
}

/**
 * Starts a thread with its own connection to an SQLite file. It does not keep the process alive.
 *
 * @throws if the process may start no threads; `MetadataFailed` if the package or better-sqlite3 was bundled
 */
export function startThread(name: 'checkpoint' | 'backup', setting: ThreadSetting): Worker {
  if (setting.sqlite === null) {
    throw new BlobStoreError(
      'MetadataFailed',
      'better-sqlite3 was bundled, so that a thread cannot load the same copy. Mark it as external in the bundler',
    )
  }
  const worker = new Worker(programFile(name), {
    workerData: setting,
    name: `blobstore-${name}`,
    // Without what the host loads into its own threads, also by NODE_OPTIONS.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  })
  worker.unref()
  return worker
}
