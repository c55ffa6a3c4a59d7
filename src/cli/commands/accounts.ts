import { Option } from 'commander'
import type { BlobStore } from '../../blob-store.ts'
import type { AccountEntry } from '../../metadata/types.ts'
import { countText, sizeText } from '../amounts.ts'
import { type CommandContext, type StoreCommand, UsageError } from '../command.ts'
import { moreNote, pageIn, pageOptions } from '../page-options.ts'

/** How many accounts one statement reads. */
const page = 1000

export const accounts: StoreCommand = {
  name: 'accounts',
  purpose: 'look',
  summary: 'list accounts and what they use, also the largest ones',
  description:
    'Prints a page of the accounts that have anything, ordered by DID. With --sort it reads every account, in short steps ' +
    'and with progress, and prints the first ones: no index is kept for that, because each upload would have to update it.',
  changes: 'Nothing.',
  options: [
    ...pageOptions('accounts'),
    new Option('--sort <by>', 'the largest first, of all accounts').choices(['bytes', 'count', 'pending']),
  ],
  examples: [
    ['--sort bytes --limit 20 --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'the 20 largest'],
    ['--limit 1000 --json', 'a page of all, for a script'],
  ],
  async run(blobs, given, context) {
    const { limit, cursor } = pageIn(given)
    const by = given.sort as SortKey | undefined
    if (by !== undefined && cursor !== undefined) {
      throw new UsageError('Give either --sort or --cursor: with --sort there is one page, of at most 1000 accounts')
    }
    const report =
      by === undefined
        ? await blobs.listAccounts({ limit, cursor, signal: context.signal })
        : { items: await largest(blobs, { by, limit }, context) }
    const rows = report.items.map((one) => [one.did, accountText(one)] as const)
    return { report, rows, problems: [], notes: moreNote('cursor' in report ? report.cursor : undefined) }
  },
}

type SortKey = 'bytes' | 'count' | 'pending'

/** Keeps no more accounts in memory than are printed, and one page. */
async function largest(
  blobs: BlobStore,
  { by, limit }: { by: SortKey; limit: number },
  { signal, progress }: CommandContext,
): Promise<AccountEntry[]> {
  let most: AccountEntry[] = []
  let cursor: string | undefined
  let objects = 0
  do {
    const next = await blobs.listAccounts({ limit: page, cursor, signal })
    most = [...most, ...next.items].sort((one, other) => other[by] - one[by]).slice(0, limit)
    objects += next.items.length
    progress.show({ objects })
    cursor = next.cursor
  } while (cursor !== undefined)
  return most
}

function accountText({ bytes, count, reserved, pending, deleted }: AccountEntry): string {
  const parts = [sizeText(bytes), `${countText(count)} blobs`]
  if (reserved > 0) parts.push(`${sizeText(reserved)} being uploaded`)
  if (pending > 0) parts.push(`${sizeText(pending)} waiting to be deleted`)
  if (deleted) parts.push('deleted')
  return parts.join(', ')
}
