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
  unit: '×' | 'MiB' | 'KiB' | 'ms' | 'requests'
}

const small = { '1k': '1 KiB', '50k': '50 KiB' }
const served = { '50k': '50 KiB', '1m': '1 MiB' }
const MiB = 1024 ** 2

export const goals: readonly Goal[] = [
  ...of('Small upload, 16 at once, durable, against the reference, which is not', (row) =>
    each(small, (size, title) => {
      const [ours, reference] = [at(`upload-${size}-16`, 'ours'), at(`upload-${size}-16`, 'reference')]
      return [
        { row, what: `${title}: rate`, of: ratio('rate', ours, reference), least: 4, unit: '×' },
        { row, what: `${title}: CPU time`, of: ratio('cpu', ours, reference), most: 0.25, unit: '×' },
      ]
    }),
  ),
  ...of('The same with durability off, like for like', (row) =>
    each(small, (size, title) => {
      const [ours, reference] = [at(`upload-${size}-16`, 'ours-relaxed'), at(`upload-${size}-16`, 'reference')]
      return [{ row, what: `${title}: rate`, of: ratio('rate', ours, reference), least: 10, unit: '×' }]
    }),
  ),
  ...of('1 MiB upload, one at a time, like for like', (row) => {
    const [ours, reference] = [at('upload-1m-1', 'ours-relaxed'), at('upload-1m-1', 'reference')]
    return [{ row, what: 'rate', of: ratio('rate', ours, reference), least: 4, unit: '×' }]
  }),
  ...of('Small upload with all metadata, against blockstore-fs with none, like for like', (row) =>
    each(small, (size, title) =>
      [16, 1].map((lanes) => {
        const [ours, theirs] = [
          at(`upload-${size}-${lanes}`, 'ours-relaxed'),
          at(`upload-${size}-${lanes}`, 'blockstore-fs'),
        ]
        const what = `${title}, ${lanes === 1 ? 'one at a time' : `${lanes} at once`}: rate`
        return { row, what, of: ratio('rate', ours, theirs), least: lanes === 1 ? 1 : 1.2, unit: '×' }
      }),
    ),
  ),
  ...of('1 GiB stream, like for like', (row) => {
    const against = (contestant: string) =>
      ratio('bandwidth', at('stream-1g', 'ours-relaxed'), at('stream-1g', contestant))
    return [
      { row, what: 'against the reference', of: against('reference'), least: 4, unit: '×' },
      { row, what: 'against cacache', of: against('cacache'), least: 1, unit: '×' },
      { row, what: 'of the rate of hashing alone', of: against('hash-only'), least: 0.9, unit: '×' },
    ]
  }),
  ...of('Memory above base, durable', (row) => {
    const inMiB = (work: string, figure: keyof Figures) => value(figure, at(work, 'ours'), MiB)
    return [
      { row, what: '1 GiB in, the store', of: inMiB('stream-1g', 'memory'), most: 64, unit: 'MiB' },
      { row, what: '1 GiB out, the store', of: inMiB('stream-1g', 'readMemory'), most: 64, unit: 'MiB' },
      { row, what: '8 GiB in, the store', of: inMiB('stream-8g', 'memory'), most: 64, unit: 'MiB' },
      { row, what: '8 GiB out, the store', of: inMiB('stream-8g', 'readMemory'), most: 64, unit: 'MiB' },
      { row, what: '1 GiB in, server with Express', of: inMiB('memory-express', 'memory'), most: 96, unit: 'MiB' },
      { row, what: '1 GiB out, server with Express', of: inMiB('memory-express', 'readMemory'), most: 96, unit: 'MiB' },
      // The bytes that have come, in buffers of what they came in, and as much again.
      { row, what: '1,000 slow uploads of 256 KiB', of: inMiB('slow-256k', 'memory'), most: 512, unit: 'MiB' },
      // A piece of 1 MiB being received, one being written, and what waits for the garbage collector.
      { row, what: '1,000 slow uploads of 3 MiB', of: inMiB('slow-3m', 'memory'), most: 4096, unit: 'MiB' },
    ]
  }),
  ...of('Reading from the store, 16 at once, against the reference', (row) =>
    each(small, (size, title) => {
      const [ours, reference] = [at(`read-${size}-16`, 'ours'), at(`read-${size}-16`, 'reference')]
      return [{ row, what: `${title}: rate`, of: ratio('rate', ours, reference), least: 8, unit: '×' }]
    }),
  ),
  ...of('getBlob over HTTP, 16 connections', (row) =>
    each(served, (size, title) => {
      const against = (server: string) =>
        ratio('rate', at(`http-get-${size}-16`, 'router'), at(`http-get-${size}-16`, server))
      return [
        { row, what: `${title}: against createReadStream.pipe`, of: against('pipe'), least: 1.8, unit: '×' },
        { row, what: `${title}: against nginx`, of: against('nginx'), least: 0.45, unit: '×' },
      ]
    }),
  ),
  ...of('A full store against an empty one, durability off: CPU time', (row) =>
    each({ '10k': '10,000 blobs', '1m': '1,000,000 blobs' }, (stock, title) => {
      const against = (figure: keyof Figures) =>
        ratio(figure, at(`store-${stock}`, stock), at(`store-${stock}`, 'empty'))
      return [
        { row, what: `${title}: upload`, of: against('cpu'), most: 1.3, unit: '×' },
        { row, what: `${title}: read`, of: against('readCpu'), most: 1.3, unit: '×' },
        { row, what: `${title}: a page of listBlobs`, of: against('listCpu'), most: 1.3, unit: '×' },
      ]
    }),
  ),
  ...of('Collecting: CPU time of one piece of garbage, of which 1 % of all is, against 50 %', (row) => [
    {
      row,
      what: '500 of 50,000 blobs against 500 of 1,000',
      of: ratio('cpu', at('collect', '500-of-50000'), at('collect', '500-of-1000')),
      most: 1.3,
      unit: '×',
    },
    {
      row,
      what: '10,000 of 1,000,000 blobs against 10,000 of 20,000',
      of: ratio('cpu', at('collect-full', '10000-of-1000000'), at('collect-full', '10000-of-20000')),
      most: 1.3,
      unit: '×',
    },
  ]),
  ...of('S3', (row) => [
    {
      row,
      what: 'requests for an upload and its reference',
      of: value('requests', at('s3-50k-16', 'ours')),
      most: 1,
      unit: 'requests',
    },
  ]),
  ...of('Event loop under 16 small uploads at once, durable', (row) =>
    each(small, (size, title) => [
      {
        row,
        what: `${title}: delay, p99`,
        of: value('loopDelay', at(`upload-${size}-16`, 'ours')),
        most: 20,
        unit: 'ms',
      },
    ]),
  ),
  ...of('The core entry', (row) => [
    { row, what: 'import', of: value('p50', at('import', 'ours')), most: 100, unit: 'ms' },
    { row, what: 'own code, gzip', of: value('size', at('import', 'ours'), 1024), most: 64, unit: 'KiB' },
  ]),
]

/** Undefined where it was not measured. */
export function holds(goal: Goal, figure: number | undefined): boolean | undefined {
  const { least = 0, most = Number.POSITIVE_INFINITY } = goal
  return figure === undefined ? undefined : figure >= least && figure <= most
}

type Series = readonly [work: string, contestant: string]

function at(work: string, contestant: string): Series {
  return [work, contestant]
}

function of(row: string, goals: (row: string) => Goal[]): Goal[] {
  return goals(row)
}

function each(titles: Record<string, string>, goals: (name: string, title: string) => Goal[]): Goal[] {
  return Object.entries(titles).flatMap(([name, title]) => goals(name, title))
}

function value(figure: keyof Figures, series: Series, unit = 1): Goal['of'] {
  return (samples) => {
    const found = samples.figure(...series, figure)
    return found === undefined ? undefined : found / unit
  }
}

function ratio(figure: keyof Figures, of: Series, to: Series): Goal['of'] {
  return (samples) => {
    const [one, other] = [samples.figure(...of, figure), samples.figure(...to, figure)]
    return one === undefined || other === undefined ? undefined : one / other
  }
}
