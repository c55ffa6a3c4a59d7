import { Option } from 'commander'
import type { TakedownRecord } from '../../metadata/contract/accounts.ts'
import { printable } from '../../printable.ts'
import { whose } from '../blob-arguments.ts'
import type { StoreCommand } from '../command.ts'
import { moreNote, pageIn, pageOptions } from '../page-options.ts'

export const takedowns: StoreCommand = {
  name: 'takedowns',
  purpose: 'moderate',
  summary: 'list what is taken down',
  description:
    'Prints the takedowns that were not reversed, the newest first: when, whose blob, its CID, the note, who asked for it, ' +
    'and whether a purge deleted its bytes. Of uploads that an inspection has quarantined, it prints the reason: they are ' +
    'hidden until reverse-takedown releases them, or takedown or purge refuses them for good.',
  changes: 'Nothing.',
  options: [new Option('--quarantined', 'only what waits for a decision'), ...pageOptions('takedowns')],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite', 'the newest'],
    ['--quarantined --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'what waits for a decision'],
    ['--limit 1000 --json', 'for a script'],
  ],
  async run(blobs, given, { signal }) {
    const quarantined = given.quarantined === true ? true : undefined
    const report = await blobs.listTakedowns({ ...pageIn(given), quarantined, signal })
    const rows = report.items.map((one) => [one.takenDownAt.toISOString(), `${one.cid}, ${takedownText(one)}`] as const)
    return { report, rows, problems: [], notes: moreNote(report.cursor) }
  },
}

/** All but when, and which CID. */
export function takedownText({ did, ref, by, purged, quarantined }: TakedownRecord): string {
  const parts = [`of ${whose(did)}`, ref, by === null ? null : `by ${by}`]
  if (purged) parts.push('purged')
  if (quarantined) parts.push('quarantined')
  return parts.flatMap((part) => (part === null ? [] : [printable(part, 1000)])).join(', ')
}
