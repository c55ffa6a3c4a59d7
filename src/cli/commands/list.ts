import type { BlobStat } from '../../metadata/types.ts'
import { printable } from '../../printable.ts'
import { sizeText } from '../amounts.ts'
import { accountArgument, accountIn } from '../blob-arguments.ts'
import type { StoreCommand } from '../command.ts'
import { moreNote, pageIn, pageOptions } from '../page-options.ts'

export const list: StoreCommand = {
  name: 'list',
  purpose: 'look',
  summary: 'list the blobs of an account',
  description:
    'Prints the blobs of an account, the newest first: CID, type, size, when it was uploaded, and whether a record ' +
    'references it (permanent) or none does (temporary).',
  changes: 'Nothing.',
  arguments: [accountArgument],
  options: pageOptions('blobs'),
  examples: [
    ['did:plc:… --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'the newest'],
    ['did:plc:… --limit 1000 --json', 'for a script'],
  ],
  async run(blobs, given, { signal }) {
    const report = await blobs.listAll(accountIn(given), { ...pageIn(given), signal })
    const rows = report.items.map((one) => [one.cid, statText(one)] as const)
    return { report, rows, problems: [], notes: moreNote(report.cursor) }
  },
}

function statText({ mimeType, size, createdAt, referenced, takenDown }: BlobStat): string {
  const parts = [printable(mimeType, 300), sizeText(size), createdAt.toISOString()]
  parts.push(referenced ? 'permanent' : 'temporary')
  if (takenDown) parts.push('hidden')
  return parts.join(', ')
}
