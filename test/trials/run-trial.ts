import { execFile } from 'node:child_process'
import { join } from 'node:path'

const main = join(import.meta.dirname, 'main.ts')

/**
 * Runs a trial as `npm run trial` does, in a separate process. Resolves with its status and its output as text or, with
 * `--json`, as JSON; after so many minutes it is asked to end, as by Ctrl-C.
 */
export function runTrial(
  name: string,
  minutes: number,
  ...args: string[]
): Promise<{ output: string; status: number | null }> {
  // Without vitest's own settings, which change what a child of it does.
  const { NODE_OPTIONS: _, ...env } = process.env
  const options = { env, timeout: minutes * 60_000, killSignal: 'SIGTERM', maxBuffer: 100_000_000 } as const
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--no-warnings', main, name, ...args], options, (_error, stdout) => {
      resolve({ output: stdout, status: child.exitCode })
    })
    child.stderr?.pipe(process.stderr)
  })
}
