import { Option } from 'commander'
import type { ScrubFinding } from '../../maintenance/scrub.ts'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'
import { type Copies, copiesAt } from '../copies.ts'
import { rate, whole } from '../options.ts'

export const scrub: StoreCommand = {
  name: 'scrub',
  purpose: 'order',
  summary: 'read stored bytes, and verify their hashes',
  description:
    'Reads and hashes what was not verified for some days, and recounts what accounts have. Damage is recorded, so that the ' +
    'next upload of the same bytes repairs it; with a mirror, or --heal-from, it is repaired at once. It may be stopped at ' +
    'any time; the next run continues.',
  changes:
    'Records what is good and what is damaged, and corrects wrong counters. It writes bytes only to repair damage, from ' +
    'the mirror or --heal-from, and deletes none.',
  options: [
    whole('--days <n>', 'only what was not verified for this many days').default(30),
    new Option('--all', 'everything'),
    whole('--limit <n>', 'at most this many objects'),
    new Option(
      '--heal-from <place>',
      'repair damage from a copy here: a backup, an export, a folder of blobs, or s3://bucket/prefix',
    ),
    rate,
  ],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite --rate 20M', 'every week, at a low rate'],
    ['--all', 'after a disk failure'],
    ['--all --heal-from /backup/blobs', 'and repair what is damaged from a backup'],
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
    const from = given.healFrom as string | undefined
    const copies: Copies | undefined =
      from === undefined ? undefined : await copiesAt('--heal-from', from, given, blobs)
    await using _closed = copies
    const report = await blobs.scrub({
      ...(copies && { copyOf: copies.copyOf }),
      olderThan: all ? 0 : Number(given.days) * 86_400_000,
      limit,
      bytesPerSecond: given.rate as number | undefined,
      signal,
      onProgress: ({ objects, bytes }) => progress.show({ ...expected, objects, bytes }),
    })
    const repaired = report.findings.filter((finding) => finding.repaired).length
    const rows = [
      ['objects examined', report.objects],
      ['bytes examined', sizeText(report.bytes)],
      ['damaged or missing', report.findings.length],
      ...(repaired === 0 ? [] : [['repaired', repaired] as const]),
      ['accounts recounted', report.recounted.length],
    ] as const
    return { report, rows, problems: report.findings.map(problemOf) }
  },
}

/** A disk that damages bytes needs attention, even if all is repaired. */
const problemOf = ({ cid, problem, repaired }: ScrubFinding): string =>
  `${cid}: ${problem}${repaired ? ', repaired' : ''}`
