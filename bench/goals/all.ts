import type { Figures } from '../measure/figures.ts'
import { type Goal, type GoalRow, ratio, type Series, value } from './goal.ts'

const MiB = 1024 ** 2
const titles = { '1k': '1 KiB', '50k': '50 KiB', '200k': '200 KiB', '1m': '1 MiB' }
const small = ['1k', '50k'] as const
/** What pictures have, too. */
const usual = ['1k', '50k', '200k'] as const

export const goalRows: readonly GoalRow[] = [
  {
    title: 'Small upload, 16 at once, durable, against the reference, which is not',
    goals: usual.flatMap((size): Goal[] => {
      const [ours, theirs] = pair(`upload-${size}-16`, 'ours', 'reference')
      const parts: Series = [`upload-${size}-16`, 'parts']
      return [
        {
          what: `${titles[size]}: rate`,
          figure: ratio('rate', ours, theirs),
          least: size === '200k' ? 3 : 4,
          unit: '×',
          bound: ratio('rate', parts, theirs),
        },
        {
          what: `${titles[size]}: CPU time`,
          figure: ratio('cpu', ours, theirs),
          most: 0.25,
          unit: '×',
          bound: ratio('cpu', parts, theirs),
        },
      ]
    }),
  },
  {
    title: 'The same with durability off, like for like',
    goals: small.map((size): Goal => {
      const [ours, theirs] = pair(`upload-${size}-16`, 'ours-relaxed', 'reference')
      const figure = ratio('rate', ours, theirs)
      const bound = ratio('rate', ...pair(`upload-${size}-16`, 'parts-relaxed', 'reference'))
      return { what: `${titles[size]}: rate`, figure, least: size === '1k' ? 7 : 6, unit: '×', bound }
    }),
  },
  {
    title: '1 MiB upload, one at a time, like for like',
    goals: [
      {
        what: 'rate',
        figure: ratio('rate', ...pair('upload-1m-1', 'ours-relaxed', 'reference')),
        least: 3,
        unit: '×',
        bound: ratio('rate', ...pair('upload-1m-1', 'parts-relaxed', 'reference')),
      },
    ],
  },
  {
    title: 'Small upload with all metadata, against blockstore-fs with none, like for like',
    goals: small.flatMap((size): Goal[] => {
      const against = (lanes: 1 | 16) => {
        const work = `upload-${size}-${lanes}`
        const figure = ratio('rate', ...pair(work, 'ours-relaxed', 'blockstore-fs'))
        const bound = ratio('rate', ...pair(work, 'parts-relaxed', 'blockstore-fs'))
        return { figure, bound, unit: '×' } as const
      }
      return [
        ...(size === '50k' ? [{ what: `${titles[size]}, 16 at once: rate`, ...against(16), least: 1.2 }] : []),
        { what: `${titles[size]}, one at a time: rate`, ...against(1), least: 1.1 },
      ]
    }),
  },
  {
    title: '1 GiB stream, like for like',
    goals: [
      {
        what: 'against the reference',
        figure: stream('reference'),
        least: 4,
        unit: '×',
        bound: ratio('bandwidth', ...pair('stream-1g', 'write-only', 'reference')),
      },
      { what: 'against cacache', figure: stream('cacache'), least: 1, unit: '×' },
      {
        what: 'of the rate of hashing alone',
        figure: stream('hash-only'),
        least: 0.9,
        unit: '×',
        bound: ratio('bandwidth', ...pair('stream-1g', 'write-only', 'hash-only')),
      },
    ],
  },
  {
    title: 'Memory above base, durable',
    goals: [
      { what: '1 GiB in, the store', figure: memory('stream-1g', 'memory'), most: 64, unit: 'MiB' },
      { what: '1 GiB out, the store', figure: memory('stream-1g', 'readMemory'), most: 64, unit: 'MiB' },
      { what: '8 GiB in, the store', figure: memory('stream-8g', 'memory'), most: 64, unit: 'MiB' },
      { what: '8 GiB out, the store', figure: memory('stream-8g', 'readMemory'), most: 64, unit: 'MiB' },
      { what: '1 GiB in, server with Express', figure: memory('memory-express', 'memory'), most: 96, unit: 'MiB' },
      { what: '1 GiB out, server with Express', figure: memory('memory-express', 'readMemory'), most: 96, unit: 'MiB' },
      // The received bytes, in their original buffers, and as much again.
      { what: '1,000 slow uploads of 256 KiB', figure: memory('slow-256k', 'memory'), most: 512, unit: 'MiB' },
      // A piece of 1 MiB being received, one being written, and what waits for the garbage collector.
      { what: '1,000 slow uploads of 3 MiB', figure: memory('slow-3m', 'memory'), most: 4096, unit: 'MiB' },
    ],
  },
  {
    title: 'Reading from the store, 16 at once, against the reference',
    goals: small.map((size): Goal => {
      const work = `read-${size}-16`
      const figure = ratio('rate', ...pair(work, 'ours', 'reference'))
      const bound = ratio('rate', ...pair(work, 'parts', 'reference'))
      return { what: `${titles[size]}: rate`, figure, least: 12, unit: '×', bound }
    }),
  },
  {
    title: 'getBlob over HTTP, 16 connections',
    goals: (['50k', '1m'] as const).flatMap((size): Goal[] => {
      const against = (server: string) => {
        const work = `http-get-${size}-16`
        const figure = ratio('rate', ...pair(work, 'router', server))
        return { figure, bound: ratio('rate', ...pair(work, 'parts', server)), unit: '×' } as const
      }
      return [
        { what: `${titles[size]}: against createReadStream.pipe`, ...against('pipe'), least: size === '50k' ? 3 : 1.8 },
        { what: `${titles[size]}: against node:http from memory`, ...against('memory'), least: 0.7 },
      ]
    }),
  },
  {
    title: 'Metadata in PostgreSQL: an upload and its record by functions of the database, against single statements',
    goals: ([16, 1] as const).map((lanes): Goal => {
      const work = `postgres-50k-${lanes}`
      const figure = ratio('rate', ...pair(work, 'ours-relaxed', 'ours-statements'))
      const bound = ratio('rate', ...pair(work, 'postgres-parts', 'ours-statements'))
      return {
        what: `50 KiB, ${lanes === 1 ? 'one at a time' : '16 at once'}: rate`,
        figure,
        bound,
        least: 4,
        unit: '×',
      }
    }),
  },
  {
    title: 'A full store against an empty one, durability off: CPU time',
    goals: Object.entries({ '10k': '10,000 blobs', '1m': '1,000,000 blobs' }).flatMap(([stock, title]): Goal[] => {
      const against = (figure: keyof Figures) => ratio(figure, ...pair(`store-${stock}`, stock, 'empty'))
      return [
        { what: `${title}: upload`, figure: against('cpu'), most: 1.3, unit: '×' },
        { what: `${title}: read`, figure: against('readCpu'), most: 1.3, unit: '×' },
        { what: `${title}: a page of listBlobs`, figure: against('listCpu'), most: 1.3, unit: '×' },
      ]
    }),
  },
  {
    title: 'One blob that 1,000,000 records reference, against 100,000: CPU time',
    goals: [
      {
        what: 'each record, all calls together',
        figure: ratio('cpu', ['many-records-full', '1000000'], ['many-records', '100000']),
        most: 1.3,
        unit: '×',
      },
    ],
  },
  {
    title: 'Space in the database',
    goals: [
      {
        what: 'a blob with one reference, indexes included',
        figure: value('rowBytes', ['store-10k', '10k']),
        most: 320,
        unit: 'bytes',
      },
    ],
  },
  {
    title: 'Collecting: CPU time for each expired blob, with 1 % of all expired, against 50 %',
    goals: [
      {
        what: '500 of 50,000 blobs against 500 of 1,000',
        figure: ratio('cpu', ...pair('collect', '500-of-50000', '500-of-1000')),
        most: 1.3,
        unit: '×',
      },
      {
        what: '10,000 of 1,000,000 blobs against 10,000 of 20,000',
        figure: ratio('cpu', ...pair('collect-full', '10000-of-1000000', '10000-of-20000')),
        most: 1.3,
        unit: '×',
      },
    ],
  },
  {
    title: 'One space of 1,000 with 1,000,000 references, against one of 500 alone',
    goals: (
      [
        ['a page of listBlobs', 'listCpu'],
        ['a read', 'readCpu'],
      ] as const
    ).map(([what, figure]): Goal => {
      const ours = pair('spaces-1m', '1000-spaces', 'one-space')
      return { what: `${what}: CPU time`, figure: ratio(figure, ...ours), most: 1.3, unit: '×' }
    }),
  },
  {
    title: 'S3',
    goals: [
      {
        what: 'requests for an upload and its reference',
        figure: value('requests', ['s3-50k-16', 'ours']),
        most: 1,
        unit: 'requests',
      },
    ],
  },
  {
    title: 'Event loop under 16 small uploads at once, durable',
    goals: small.map((size): Goal => {
      const figure = value('loopDelay', [`upload-${size}-16`, 'ours'])
      return { what: `${titles[size]}: delay, p99`, figure, most: 20, unit: 'ms' }
    }),
  },
  {
    title: 'The core entry',
    goals: [
      { what: 'import', figure: value('p50', ['import', 'ours']), most: 100, unit: 'ms' },
      { what: 'own code, gzip', figure: value('size', ['import', 'ours'], 1024), most: 64, unit: 'KiB' },
    ],
  },
]

function pair(work: string, one: string, other: string): [Series, Series] {
  return [
    [work, one],
    [work, other],
  ]
}

function stream(contender: string): Goal['figure'] {
  return ratio('bandwidth', ...pair('stream-1g', 'ours-relaxed', contender))
}

function memory(work: string, figure: keyof Figures): Goal['figure'] {
  return value(figure, [work, 'ours'], MiB)
}
