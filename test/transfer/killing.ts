import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

// The command line, from the build of `npm run build`.
const program = join(import.meta.dirname, '../../dist/cli.js')

function cli(args: readonly string[]) {
  return spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 300_000 })
}

function filesIn(folder: string): number {
  if (!existsSync(folder)) return 0
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return filesIn(folder) // a folder of the running command went while it was counted
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null

/** Kills a run of the command line soon after it has created some more files in the folder. */
export async function killAmidst(folder: string, args: readonly string[]): Promise<void> {
  const before = filesIn(folder)
  const child = cli(args)
  const exited = once(child, 'exit')
  while (filesIn(folder) < before + 3 && isRunning(child)) await pause(10)
  await pause(Math.random() * 50)
  expect(isRunning(child), 'it was still at work').toBe(true)
  child.kill('SIGKILL')
  await exited
}

/** The report of a run of the command line that is not killed. */
export async function reportOf(args: readonly string[]): Promise<Record<string, unknown>> {
  const child = cli([...args, '--json'])
  const exited = once(child, 'exit')
  const output = (await child.stdout.toArray()).join('')
  await exited
  return JSON.parse(output)
}
