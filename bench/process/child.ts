import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Figures } from '../measure/figures.ts'
import type { Place } from '../workloads/workload.ts'

/** The longest time for a sample, in ms: more is a hang. */
const deadline = 20 * 60_000

const sampleFile = new URL('../sample.ts', import.meta.url).pathname

/** Takes one sample, in a separate process. Rejects with the output of the process if it failed. */
export async function takeSample(
  work: string,
  contender: string,
  { folder, seconds, scale }: Place,
  signal: AbortSignal,
): Promise<Figures> {
  const args = [work, contender, '--dir', folder, '--seconds', `${seconds}`, '--scale', `${scale}`]
  const child = spawn(process.execPath, ['--expose-gc', sampleFile, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  })
  const kill = () => killGroup(child)
  const timer = setTimeout(kill, deadline)
  signal.addEventListener('abort', kill)
  try {
    const [stdout, stderr, [status, killedBy]] = await Promise.all([
      text(child.stdout as NodeJS.ReadableStream),
      text(child.stderr as NodeJS.ReadableStream),
      once(child, 'exit'),
    ])
    signal.throwIfAborted()
    if (status !== 0) throw new Error(`${work} of ${contender} failed (${killedBy ?? status})\n${stderr.slice(-3000)}`)
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Figures
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
    killGroup(child)
  }
}

/** Whatever the sample started is in its process group, and ends with it. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // all have ended
  }
}
