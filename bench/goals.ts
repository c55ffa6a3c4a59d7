import type { Figures } from './measure/figures.ts'
import type { Samples } from './measure/samples.ts'

/** Something that shall hold, of the medians of one run. */
export interface Goal {
  /** The row it belongs to. */
  row: string
  what: string
  /** The figure, or undefined where it was not measured. */
  of: (samples: Samples) => number | undefined
  least?: number
  most?: number
  unit: '×' | 'MiB' | 'ms' | 'requests' | 'KiB'
}

const sizes = { '1k': '1 KiB', '50k': '50 KiB' }
const small = ['1k', '50k'] as const

export const goals: readonly Goal[] = [
  ...small.flatMap((size): Goal[] => {
    const row = 'Small upload, 16 at once, durable, against the reference, which is not'
    const [ours, reference] = [
      [`upload-${size}-16`, 'ours'],
      [`upload-${size}-16`, 'reference'],
    ] as const
    return [
      { row, what: `${sizes[size]}: rate`, of: ratio('rate', ours, reference), least: 4, unit: '×' },
      { row, what: `${sizes[size]}: CPU`, of: ratio('cpu', ours, reference), most: 0.25, unit: '×' },
    ]
  }),
  ...small.map(
    (size): Goal => ({
      row: 'The same with durability off, like for like',
      what: `${sizes[size]}: rate`,
      of: ratio('rate', [`upload-${size}-16`, 'ours-relaxed'], [`upload-${size}-16`, 'reference']),
      least: 10,
      unit: '×',
    }),
  ),
  {
    row: '1 MiB upload, one at a time, like for like',
    what: 'rate',
    of: ratio('rate', ['upload-1m-1', 'ours-relaxed'], ['upload-1m-1', 'reference']),
    least: 4,
    unit: '×',
  },
  ...small.flatMap((size): Goal[] => {
    const row = 'Small upload with all metadata, against blockstore-fs with none, like for like'
    return ([16, 1] as const).map((lanes) => ({
      row,
      what: `${sizes[size]}, ${lanes} at once: rate`,
      of: ratio('rate', [`upload-${size}-${lanes}`, 'ours-relaxed'], [`upload-${size}-${lanes}`, 'blockstore-fs']),
      least: lanes === 16 ? 1.2 : 1,
      unit: '×',
    }))
  }),
  ...small.map(
    (size): Goal => ({
      row: 'Event loop under 16 small uploads at once, durable',
      what: `${sizes[size]}: delay, p99`,
      of: (samples) => samples.figure(`upload-${size}-16`, 'ours', 'loopDelay'),
      most: 20,
      unit: 'ms',
    }),
  ),
]

type Series = readonly [work: string, contestant: string]

function ratio(figure: keyof Figures, of: Series, to: Series): Goal['of'] {
  return (samples) => {
    const [value, base] = [samples.figure(...of, figure), samples.figure(...to, figure)]
    return value === undefined || base === undefined ? undefined : value / base
  }
}

/** Undefined where it was not measured. */
export function holds({ least = 0, most = Number.POSITIVE_INFINITY }: Goal, value: number | undefined) {
  return value === undefined ? undefined : value >= least && value <= most
}
