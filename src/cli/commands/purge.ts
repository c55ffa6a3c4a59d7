import { Option } from 'commander'
import { isBlobCid } from '../../blob/cid.ts'
import { isDid } from '../../blob/identifiers.ts'
import type { BlobStore } from '../../blob-store.ts'
import { type StoreCommand, UsageError } from '../command.ts'
import { yes } from '../options.ts'

export const purge: StoreCommand = {
  name: 'purge',
  purpose: 'order',
  summary: 'delete illegal content at once, and never store it again',
  description:
    "Takes a blob down, of one account or with '*' of all, and deletes its bytes now instead of after the delete delay, in " +
    'every backend that is named here. Uploads of the same bytes are refused from then on. It leaves a record of who asked ' +
    'for it, and why. What cannot be deleted now, the host’s collections try again.\n\n' +
    'With one account, bytes that others have too stay. Copies in backups stay: delete those yourself.',
  changes: 'Deletes the blob for good: no delay, no hold for moderators, no way back but another upload.',
  arguments: [
    ['<account>', "the DID of the account, or '*' for all"],
    ['<cid>', 'the CID of the blob'],
  ],
  options: [
    new Option('--reason <text>', 'why, for the record: a case number'),
    new Option('--by <name>', 'who asked for it, for the record'),
    yes,
  ],
  examples: [
    ["'*' bafkrei… --reason 'case 17' --disk /srv/blobs --sqlite /srv/blobs.sqlite", 'of all accounts'],
    ['did:plc:… bafkrei… --reason "the owner’s request" --yes', 'of one account, from a script'],
  ],
  async run(blobs, given, { signal, confirm }) {
    const [account, cid] = [String(given.account), String(given.cid)]
    if (account !== '*' && !isDid(account)) throw new UsageError(`Neither a DID nor '*': ${account}`)
    if (!isBlobCid(cid)) throw new UsageError(`Not the CID of a blob: ${cid}`)
    const whose = account === '*' ? 'all accounts' : account
    await confirm(`Delete ${cid} of ${whose} in this store, for good?`, { grave: true })
    const report = await blobs.purge(account, cid, { reason: textOf(given.reason), by: textOf(given.by), signal })
    const rows = [
      ['objects deleted', report.keys],
      ['objects that failed', report.remainingKeys],
      ['uploads under way', report.uploads],
      ['bytes gone', report.goneAt?.toISOString() ?? 'no'],
      ['last backup before', report.heldByBackups?.toISOString() ?? 'not known'],
    ] as const
    return { report, rows, problems: problemsOf(report) }
  },
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

const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : String(value))
