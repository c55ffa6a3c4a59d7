import { Worker } from 'node:worker_threads'

export interface Setting {
  file: string
  /**
   * Where the very better-sqlite3 is that this thread has: of two copies of SQLite in one process, each drops the file
   * locks of the other (https://sqlite.org/howtocorrupt.html, section 2.2.1).
   */
  sqlite: string
}

/**
 * Starts a thread that has a connection of its own to an SQLite file. It does not keep the process alive.
 *
 * @throws where the process may start no threads, or the package was bundled into something else
 */
export function startThread(name: 'checkpoint' | 'backup', file: string): Worker {
  // Beside the bundles in the package, and two folders up in the source.
  const { url } = import.meta
  const program = url.endsWith('.ts') ? `../../${name}-worker.ts` : `./${name}-worker.js`
  const workerData: Setting = { file, sqlite: import.meta.resolve('better-sqlite3') }
  const worker = new Worker(new URL(program, url), {
    workerData,
    name: `blobstore-${name}`,
    // What the host loads into its threads, by NODE_OPTIONS too, has no business in this one.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  })
  worker.unref()
  return worker
}
