import { Option } from 'commander'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'
import { rate, whole } from '../options.ts'

export const scrub: StoreCommand = {
  name: 'scrub',
  purpose: 'order',
  summary: 'read stored bytes, and verify their hashes',
  description:
    'Reads what was not verified for some days, hashes it, and counts what accounts have. Damage is noted, so that the ' +
    'next upload of the same bytes heals it. When it is stopped, what was seen counts: the next one goes on there.',
  changes: 'Notes what is good and what is damaged, and puts wrong counters right. No bytes are written or deleted.',
  options: [
    whole('--days <n>', 'only what was not verified for so many days').default(30),
    new Option('--all', 'everything'),
    whole('--limit <n>', 'at most so many objects'),
    rate,
  ],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite --rate 20M', 'every week, without being felt'],
    ['--all', 'after trouble with a disk'],
    ['--limit 1000 --quiet', 'a little every night, from cron'],
  ],
  async run(blobs, given, { signal, progress }) {
    const total = await blobs.stats()
    const all = given.all === true
    const limit = given.limit as number | undefined
    // What was verified lately is left out, and nobody has counted it.
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
      ['accounts counted anew', report.recounted.length],
    ] as const
    return { report, rows, problems: report.findings.map(({ cid, problem }) => `${cid}: ${problem}`) }
  },
}
