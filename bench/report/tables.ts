import type { Figures } from '../measure/figures.ts'
import type { Samples } from '../measure/samples.ts'
import { workloads } from '../workloads/all.ts'
import { titleOf } from './titles.ts'

/** For one workload: a line for each contender, the first line being the head. */
export interface WorkTable {
  name: string
  title: string
  rows: string[][]
}

interface Column {
  title: string
  figure: keyof Figures
  show: (value: number) => string
  /** Whether the lowest and the highest of the rounds are shown too. */
  range?: boolean
}

const whole = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 0 })
const fine = (value: number) => value.toFixed(value < 10 ? 2 : 1)
const inMiB = (value: number) => whole(value / 1024 ** 2)

const columns: readonly Column[] = [
  { title: 'per second', figure: 'rate', show: whole, range: true },
  { title: 'MB/s', figure: 'bandwidth', show: whole, range: true },
  { title: 'CPU µs', figure: 'cpu', show: whole, range: true },
  { title: 'p50 ms', figure: 'p50', show: fine },
  { title: 'p95 ms', figure: 'p95', show: fine },
  { title: 'p99 ms', figure: 'p99', show: fine },
  { title: 'memory MiB', figure: 'memory', show: inMiB },
  { title: 'event loop p99 ms', figure: 'loopDelay', show: fine },
  { title: 'out MB/s', figure: 'readBandwidth', show: whole },
  { title: 'out memory MiB', figure: 'readMemory', show: inMiB },
  { title: 'read CPU µs', figure: 'readCpu', show: whole },
  { title: 'list CPU µs', figure: 'listCpu', show: whole },
  { title: 'requests', figure: 'requests', show: fine },
  { title: 'database bytes a blob', figure: 'rowBytes', show: whole },
  { title: 'KiB, gzip', figure: 'size', show: (bytes) => fine(bytes / 1024) },
]

/** Medians, some with the lowest and the highest of the rounds; columns without any figure are omitted. */
export function workTables(samples: Samples): WorkTable[] {
  return workloads.flatMap(({ name, title, contenders }) => {
    const measured = contenders.filter((contender) => samples.has(name, contender))
    if (measured.length === 0) return []
    const used = columns.filter(({ figure }) =>
      measured.some((contender) => samples.figure(name, contender, figure) !== undefined),
    )
    const rows = measured.map((contender) => [
      titleOf(contender),
      ...used.map(({ figure, show, range }) => {
        const value = samples.figure(name, contender, figure)
        if (value === undefined) return ''
        const [least, most] = (range && samples.range(name, contender, figure)) || []
        return least === undefined || most === undefined ? show(value) : `${show(value)} (${show(least)}–${show(most)})`
      }),
    ])
    return [{ name, title, rows: [['', ...used.map((column) => column.title)], ...rows] }]
  })
}
