import { execFile } from 'node:child_process'
import { join } from 'node:path'

const script = join(import.meta.dirname, 'simulate.ts')

/** Runs `npm run test:simulate` in a process of its own, since it bends time and chance. Resolves with what it prints. */
export function runSimulation(minutes: number, ...args: string[]): Promise<{ output: string; failed: boolean }> {
  // Without vitest's own settings, which change what a child of it does.
  const { NODE_OPTIONS: _, ...env } = process.env
  const options = { env, timeout: minutes * 60_000, killSignal: 'SIGKILL', maxBuffer: 100_000_000 } as const
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      // On stderr it tells how far it is.
      resolve({ output: error === null ? stdout : stdout + stderr, failed: error !== null })
    })
  })
}
