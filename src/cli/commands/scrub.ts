import { Option } from 'commander'
import type { StoreCommand } from '../command.ts'
import { rate, whole } from '../options.ts'
import { sizeText } from '../table.ts'

export const scrub: StoreCommand = {
  name: 'scrub',
  summary: 'read stored bytes, and verify their hashes',
  description:
    'Reads what was not verified for some days, hashes it, and counts what accounts have. Damage is noted, so that the ' +
    'next upload of the same bytes heals it. When it is stopped, what was seen counts: the next one goes on there.',
  options: [
    whole('--days <n>', 'only what was not verified for so many days').default(30),
    new Option('--all', 'everything'),
    whole('--limit <n>', 'at most so many objects'),
    rate,
  ],
  examples: [
    ['--rate 20M', 'every month, without being felt'],
    ['--all', 'after trouble with a disk'],
  ],
  async run(blobs, given, { signal, progress }) {
    const { storedCount: of } = await blobs.totals()
    const report = await blobs.scrub({
      olderThan: given.all === true ? 0 : Number(given.days) * 86_400_000,
      limit: given.limit as number | undefined,
      bytesPerSecond: given.rate as number | undefined,
      signal,
      onProgress: ({ objects, bytes }) => progress.show({ objects, of, bytes }),
    })
    const rows = [
      ['objects examined', report.objects],
      ['bytes examined', sizeText(report.bytes)],
      ['damaged or missing', report.findings.length],
      ['accounts counted anew', report.recounted.length],
    ] as const
    return { report, rows, problems: report.findings.map(({ cid, problem }) => `${cid}: ${problem}`) }
  },
}
