import type { PurgeRecord } from '../../metadata/contract/purges.ts'
import { printable } from '../../printable.ts'
import { whose } from '../blob-arguments.ts'
import type { StoreCommand } from '../command.ts'
import { moreNote, pageIn, pageOptions } from '../page-options.ts'

export const purges: StoreCommand = {
  name: 'purges',
  purpose: 'moderate',
  summary: 'list the records of purges',
  description:
    'Prints the records that purges have left, the newest first: when, the CID, whose blob, the reason, who asked for it, ' +
    'and when its bytes were gone. They are kept for ever.',
  changes: 'Nothing.',
  options: pageOptions('purges'),
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite', 'the newest'],
    ['--limit 1000 --json', 'for a script'],
  ],
  async run(blobs, given, { signal }) {
    const report = await blobs.listPurges({ ...pageIn(given), signal })
    const rows = report.items.map((one) => [one.purgedAt.toISOString(), textOf(one)] as const)
    return { report, rows, problems: [], notes: moreNote(report.cursor) }
  },
}

function textOf({ did, cid, reason, by, goneAt, sharedWithOthers }: PurgeRecord): string {
  const end = goneAt
    ? `gone ${goneAt.toISOString()}`
    : sharedWithOthers
      ? 'bytes stay, others have them'
      : 'not gone yet'
  const parts = [cid, `of ${whose(did)}`, reason, by === null ? null : `by ${by}`, end]
  return parts.flatMap((part) => (part === null ? [] : [printable(part, 1000)])).join(', ')
}
