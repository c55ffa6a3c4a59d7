import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Serving } from './server.ts'

export interface Served extends Serving {
  /** CPU time so far, in µs. */
  cpu(): number
  stop(): Promise<void>
}

/** Starts a server in a separate process. */
export async function serve(kind: string, folder: string, size: number, count: number): Promise<Served> {
  const child = fork(join(import.meta.dirname, 'server.ts'), [kind, folder, `${size}`, `${count}`])
  const exited = once(child, 'exit')
  const failed = exited.then(([status]) => Promise.reject(new Error(`The server ${kind} ended (${status})`)))
  failed.catch(() => {})
  const [serving] = await Promise.race([
    once(child, 'message', { signal: AbortSignal.timeout(60_000) }) as Promise<[Serving]>,
    failed,
  ])
  return {
    ...serving,
    cpu: () => serving.pids.reduce((sum, pid) => sum + cpuOf(pid), 0),
    async stop() {
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await exited
      clearTimeout(timer)
    },
  }
}

/** From Linux, which counts in hundredths of a second. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}
