import { Option } from 'commander'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'
import { rate, whole } from '../options.ts'

export const scrub: StoreCommand = {
  name: 'scrub',
  purpose: 'order',
  summary: 'read stored bytes, and verify their hashes',
  description:
    'Reads and hashes what was not verified for some days, and recounts what accounts have. Damage is recorded, so that the ' +
    'next upload of the same bytes repairs it. It may be stopped at any time; the next run continues.',
  changes: 'Records what is good and what is damaged, and corrects wrong counters. It writes and deletes no bytes.',
  options: [
    whole('--days <n>', 'only what was not verified for this many days').default(30),
    new Option('--all', 'everything'),
    whole('--limit <n>', 'at most this many objects'),
    rate,
  ],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite --rate 20M', 'every week, at a low rate'],
    ['--all', 'after a disk failure'],
    ['--limit 1000 --quiet', 'a part every night, from cron'],
  ],
  async run(blobs, given, { signal, progress }) {
    const total = await blobs.stats()
    const all = given.all === true
    const limit = given.limit as number | undefined
    // Excludes what was verified recently, which nobody counted.
    const expected = {
      of: Math.min(total.storedCount, limit ?? total.storedCount),
      atMost: !all,
      ...(all && limit === undefined && { ofBytes: total.storedBytes }),
    }
    const report = await blobs.scrub({
      olderThan: all ? 0 : Number(given.days) * 86_400_000,
      limit,
      bytesPerSecond: given.rate as number | undefined,
      signal,
      onProgress: ({ objects, bytes }) => progress.show({ ...expected, objects, bytes }),
    })
    const rows = [
      ['objects examined', report.objects],
      ['bytes examined', sizeText(report.bytes)],
      ['damaged or missing', report.findings.length],
      ['accounts recounted', report.recounted.length],
    ] as const
    return { report, rows, problems: report.findings.map(({ cid, problem }) => `${cid}: ${problem}`) }
  },
}
