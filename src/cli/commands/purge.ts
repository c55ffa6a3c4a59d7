import { Option } from 'commander'
import type { BlobCid } from '../../blob/cid.ts'
import type { BlobStore } from '../../blob-store.ts'
import { accountOrAll, accountOrAllArgument, by, cidArgument, cidIn, textOf, whose } from '../blob-arguments.ts'
import type { StoreCommand } from '../command.ts'
import { yes } from '../options.ts'
import { isHeld } from './takedown.ts'

export const purge: StoreCommand = {
  name: 'purge',
  purpose: 'moderate',
  summary: 'delete illegal content at once, and never store it again',
  description:
    "Takes a blob down, of one account or with '*' of all, and deletes its bytes now instead of after the delete delay, in " +
    'every backend that is named here. Uploads of the same bytes are refused from then on. It leaves a record of who asked ' +
    'for it, and why. What cannot be deleted now, the host’s collections try again.\n\n' +
    'With one account, bytes that others have too stay. Copies in backups stay: delete those yourself.',
  changes: 'Deletes the blob for good: no delay, no hold for moderators, no way back but another upload.',
  arguments: [accountOrAllArgument, cidArgument],
  options: [new Option('--reason <text>', 'why, for the record: a case number'), by, yes],
  examples: [
    ["'*' bafkrei… --reason 'case 17' --disk /srv/blobs --sqlite /srv/blobs.sqlite", 'of all accounts'],
    ['did:plc:… bafkrei… --reason "the owner’s request" --yes', 'of one account, from a script'],
  ],
  async run(blobs, given, { signal, confirm }) {
    const [account, cid] = [accountOrAll(given), cidIn(given)]
    await confirm(`Delete ${cid} of ${whose(account)} in this store, for good?`, { grave: true })
    const known = await isKnown(blobs, account, cid, signal)
    const report = await blobs.purge(account, cid, { reason: textOf(given.reason), by: textOf(given.by), signal })
    const rows = [
      ['objects deleted', report.keys],
      ['objects that failed', report.remainingKeys],
      ['uploads under way', report.uploads],
      ['bytes gone', report.goneAt?.toISOString() ?? 'no'],
      ['last backup before', report.heldByBackups?.toISOString() ?? 'not known'],
    ] as const
    const found = known || report.keys > 0 || report.remainingKeys > 0 || report.uploads > 0
    const notes = found ? [] : ['No such blob was stored. Uploads of it are refused. Is the CID the right one?']
    return { report, rows, problems: problemsOf(report), notes }
  },
}

/** Also what was purged before, so that a repetition warns of nothing. */
async function isKnown(blobs: BlobStore, account: string, cid: BlobCid, signal: AbortSignal): Promise<boolean> {
  if (await isHeld(blobs, account, cid, signal)) return true
  const { items } = await blobs.listTakedowns({ cid, signal })
  return items.some(({ did, purged }) => purged && (did === account || did === '*'))
}

function problemsOf({
  sharedWithOthers,
  remaining,
  remainingKeys,
  uploads,
}: Awaited<ReturnType<BlobStore['purge']>>): string[] {
  const problems = remaining.map(({ backend, key, error }) => `${key} in ${backend}: ${error}`)
  if (remainingKeys > 0) problems.push(`${remainingKeys} objects could not be deleted; collections try them again`)
  if (uploads > 0) problems.push(`${uploads} uploads of the same are under way: they are refused, and collected`)
  if (sharedWithOthers) {
    problems.push("Others have the same bytes, or had them last, so they were not deleted. To delete them: purge '*'")
  }
  return problems
}
