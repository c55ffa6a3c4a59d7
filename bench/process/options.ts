import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Also the millions of blobs and the gigabytes. */
  full: boolean
  /** A little of everything, to check that the bench works: the figures mean nothing. */
  smoke: boolean
  /** Only workloads whose name, or `name/contender`, matches this. */
  only: RegExp | null
  rounds: number
  /** Where the stores are created: on the file system to be measured. */
  dir: string
  /** Writes the results to docs/benchmarks.md. */
  write: boolean
  /** Measures nothing, and uses the results of the last run. */
  last: boolean
  seconds: number
  scale: number
}

const usage = `npm run bench -- [options]
  --full            all peers and workloads, a million blobs and streams of 8 GiB, not only what the goals need
  --only <pattern>  workloads whose name matches, or workload/contender: 'upload-1k', '/ours$'
  --rounds <n>      how often each sample is taken (3); the median counts
  --dir <folder>    where the stores are created (bench/.work): on the disk to be measured
  --write           also writes docs/benchmarks.md; with --only, that part of it
  --last            measures nothing: shows, or writes, what the last run measured
  --smoke           a little of everything, in seconds; the figures mean nothing`

export function parseOptions(args: readonly string[]): BenchOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        full: { type: 'boolean', default: false },
        smoke: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        dir: { type: 'string', default: `${import.meta.dirname}/../.work` },
        write: { type: 'boolean', default: false },
        last: { type: 'boolean', default: false },
      },
    })
    const { full, smoke, dir, write, last } = values
    const rounds = Number(values.rounds ?? (smoke ? 1 : 3))
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: expected 1 or more`)
    const [seconds, scale] = smoke ? [0.05, 0.01] : [1, 1]
    const only = values.only === undefined ? null : new RegExp(values.only)
    return { full, smoke, only, rounds, dir, write, last, seconds, scale }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}\n`)
    return process.exit(2)
  }
}
