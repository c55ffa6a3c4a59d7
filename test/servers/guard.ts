import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/**
 * Starts the guardian of a folder: when this process ends, however it does, everything that was started with files of
 * the folder is killed and the folder removed. The returned function does so now, and resolves when it is done.
 */
export function guard(folder: string): () => Promise<void> {
  const guardian = spawn(process.execPath, [join(import.meta.dirname, 'guardian.ts'), folder], {
    // In another process group: Ctrl-C must not reach it. Our end closes its standard input.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  guardian.unref()
  const exit = once(guardian, 'exit')
  return async () => {
    guardian.ref()
    guardian.stdin.end()
    await exit
  }
}
