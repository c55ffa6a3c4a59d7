import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A system call: when it began and ended, as positions in the trace. */
export interface Call {
  name: string
  /** The path of its descriptor; the first path given, where it has none. */
  path: string
  /** The second path, of renames. */
  to: string
  /** As strace prints it; strings are cut. */
  text: string
  begun: number
  ended: number
}

const traced =
  'openat,write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,close'

export const straceWorks = (): boolean => spawnSync('strace', ['-e', 'trace=none', 'true']).status === 0

/** Runs Node under strace, and returns the calls that succeeded, in the order in which they began. */
export function trace(script: string, args: readonly string[], output: string): Call[] {
  const node = [process.execPath, '--no-warnings', script, ...args]
  // A page of SQLite, and with it the keys that it names, is printed completely.
  const options = ['-f', '-qq', '-s', '5000', '-e', 'signal=none', '-e', `trace=${traced}`, '-o', output]
  const { status, stderr, error } = spawnSync('strace', [...options, ...node], {
    encoding: 'utf8',
    timeout: 120_000,
    killSignal: 'SIGKILL',
  })
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${error ?? stderr}`)
  return callsOf(readFileSync(output, 'utf8'))
}

/** The calls of strace's text; descriptors are followed from `openat` to `close`. */
function callsOf(text: string): Call[] {
  const calls: Call[] = []
  const paths = new Map<string, string>([['1', 'stdout']])
  const unfinished = new Map<string, { head: string; begun: number }>()
  for (const [at, line] of text.split('\n').entries()) {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    const begin = /^(.*) <unfinished \.\.\.>$/.exec(rest)
    if (begin) {
      unfinished.set(pid, { head: begin[1] ?? '', begun: at })
      // From here on another thread may get the number.
      const closed = /^close\((\d+)/.exec(rest)
      if (closed?.[1]) paths.delete(closed[1])
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const started = resumed && unfinished.get(pid)
    const call = started
      ? parse(started.head + resumed[1], started.begun, at, paths)
      : resumed
        ? null
        : parse(rest, at, at, paths)
    if (call) calls.push(call)
  }
  return calls.sort((one, two) => one.begun - two.begun)
}

function parse(text: string, begun: number, ended: number, paths: Map<string, string>): Call | null {
  const [, name = '', args = '', result = ''] = /^(\w+)\((.*)\)\s+= (-?\d+)/s.exec(text) ?? []
  if (name === '' || result.startsWith('-')) return null
  const [first = '', to = ''] = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path]) => path)
  if (name === 'openat') paths.set(result, first)
  const fd = /^\d+/.exec(args)?.[0]
  if (name === 'close') {
    if (fd !== undefined && begun === ended) paths.delete(fd)
    return null
  }
  const path = fd === undefined ? first : (paths.get(fd) ?? '')
  return { name, path, to, text, begun, ended }
}
