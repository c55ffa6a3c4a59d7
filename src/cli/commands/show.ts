import type { BlobHolder, BlobLocation } from '../../metadata/types.ts'
import { printable } from '../../printable.ts'
import { sizeText } from '../amounts.ts'
import { cidArgument, cidIn } from '../blob-arguments.ts'
import type { StoreCommand } from '../command.ts'
import { moreNote, pageIn, pageOptions } from '../page-options.ts'
import type { Row } from '../table.ts'
import { takedownText } from './takedowns.ts'

/** How many records of each account, and how many takedowns, are shown. */
const most = { records: 10, takedowns: 100 }

export const show: StoreCommand = {
  name: 'show',
  purpose: 'look',
  summary: 'all that is known of a blob, in every account',
  description:
    'Prints where the bytes of a CID are, its takedowns, and the accounts that have it, with up to 10 records of each that ' +
    'reference it. That nothing is known of it is a problem: exit status 3. For operators only: no account may learn who ' +
    'else has its bytes.',
  changes: 'Nothing.',
  arguments: [cidArgument],
  options: pageOptions('accounts'),
  examples: [
    ['bafkrei… --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'who has it, and where it is'],
    ['bafkrei… --limit 1000 --json', 'for a script'],
  ],
  async run(blobs, given, { signal }) {
    const cid = cidIn(given)
    const location = await blobs.locate(cid, { signal })
    const takedowns = await blobs.listTakedowns({ cid, limit: most.takedowns, signal })
    const { items, cursor } = await blobs.listHolders(cid, { ...pageIn(given), signal })
    const accounts = []
    for (const holder of items) {
      const records = await blobs.recordsFor(holder.did, cid, { limit: most.records + 1, signal })
      accounts.push({
        ...holder,
        records: records.slice(0, most.records),
        moreRecords: records.length > most.records,
      })
    }
    const rows: Row[] = [
      ...locationRows(location),
      ...takedowns.items.map((one): Row => ['taken down', `${one.takenDownAt.toISOString()}, ${takedownText(one)}`]),
      ...(takedowns.cursor === undefined ? [] : [['taken down', 'and in more accounts'] as const]),
      ...accounts.flatMap(({ records, moreRecords, ...holder }): Row[] => [
        ['account', holderText(holder)],
        ...records.map((uri): Row => ['  record', printable(uri, 1000)]),
        ...(moreRecords ? [['  record', 'and more'] as const] : []),
      ]),
    ]
    const isUnknown = location === null && takedowns.items.length === 0
    const problems = isUnknown
      ? [`${cid}: this store knows nothing of it. Is it the right CID, and the right store?`]
      : []
    const report = { cid, location, takedowns: takedowns.items, accounts, ...(cursor !== undefined && { cursor }) }
    return { report, rows, problems, notes: moreNote(cursor) }
  },
}

function locationRows(location: BlobLocation | null): Row[] {
  if (location === null) return [['bytes', 'none']]
  const { backend, key, size, verifiedAt } = location
  return [
    ['size', sizeText(size)],
    ['backend', backend],
    ['key', key],
    ['verified', verifiedAt?.toISOString() ?? 'no: found damaged, or missing'],
  ]
}

function holderText({ did, mimeType, createdAt, referenced, takenDown, deleted }: BlobHolder): string {
  const parts = [did, mimeType, `since ${createdAt.toISOString()}`, referenced ? 'permanent' : 'temporary']
  if (takenDown) parts.push('hidden')
  if (deleted) parts.push('account deleted')
  return parts.map((part) => printable(part, 300)).join(', ')
}
