import { sizeText } from '../amounts.ts'
import { accountArgument, accountIn } from '../blob-arguments.ts'
import type { StoreCommand } from '../command.ts'
import { yes } from '../options.ts'

export const deleteAccount: StoreCommand = {
  name: 'delete-account',
  purpose: 'moderate',
  summary: 'delete all blobs of an account, and refuse new ones',
  description:
    'Forgets all blobs of an account, and refuses uploads until reopen-account. The host’s collections delete the bytes ' +
    'after the delete delay, unless other accounts have the same. It deletes no records: that is the host’s task. Caches in ' +
    'front of the host keep what they have until it expires. It may be stopped; the host’s collections complete it.',
  changes: 'Deletes the account’s blobs. Only a backup brings them back.',
  arguments: [accountArgument],
  options: [yes],
  examples: [
    ['did:plc:… --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'asks first'],
    ['did:plc:… --yes', 'from a script'],
  ],
  async run(blobs, given, { signal, confirm }) {
    const did = accountIn(given)
    const { count, bytes } = await blobs.usage(did, { signal })
    await confirm(`Delete all ${count} blobs (${sizeText(bytes)}) of ${did} in this store, for good?`, { grave: true })
    await blobs.deleteAccount(did, { signal })
    const left = await blobs.usage(did, { signal })
    const deleted = { count: count - left.count, bytes: bytes - left.bytes }
    const rows = [
      ['blobs deleted', deleted.count],
      ['bytes', sizeText(deleted.bytes)],
      ['blobs held by takedowns', left.count],
    ] as const
    const notes = count === 0 ? ['The account had no blobs. Is it the right one? reopen-account undoes this'] : []
    return { report: { did, ...deleted, held: left.count }, rows, problems: [], notes }
  },
}

export const reopenAccount: StoreCommand = {
  name: 'reopen-account',
  purpose: 'moderate',
  summary: 'let a deleted account have blobs again',
  description:
    'Lets a deleted account upload again, as when it moves back. Its old blobs do not come back. Does nothing to other accounts.',
  changes: 'Allows uploads of the account. It restores nothing.',
  arguments: [accountArgument],
  options: [yes],
  examples: [
    ['did:plc:… --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'asks first'],
    ['did:plc:… --yes', 'from a script'],
  ],
  async run(blobs, given, { signal, confirm }) {
    const did = accountIn(given)
    await confirm(`Let ${did} have blobs in this store again?`)
    await blobs.reopenAccount(did, { signal })
    return { report: { did }, rows: [['may have blobs', did]], problems: [] }
  },
}
