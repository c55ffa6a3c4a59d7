import { Worker } from 'node:worker_threads'

export interface Setting {
  file: string
  /**
   * The path of the better-sqlite3 that this process uses: with two copies of SQLite in one process, each drops the
   * file locks of the other (https://sqlite.org/howtocorrupt.html, section 2.2.1).
   */
  sqlite: string
}

/**
 * Starts a thread with its own connection to an SQLite file. It does not keep the process alive.
 *
 * @throws if the process may start no threads, or the package was bundled into something else
 */
export function startThread(name: 'checkpoint' | 'backup', file: string): Worker {
  // Beside the bundles in the package, and two folders up in the source.
  const { url } = import.meta
  const program = url.endsWith('.ts') ? `../../${name}-worker.ts` : `./${name}-worker.js`
  const workerData: Setting = { file, sqlite: import.meta.resolve('better-sqlite3') }
  const worker = new Worker(new URL(program, url), {
    workerData,
    name: `blobstore-${name}`,
    // Without what the host loads into its own threads, also by NODE_OPTIONS.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  })
  worker.unref()
  return worker
}
