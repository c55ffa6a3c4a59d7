import { Option } from 'commander'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'

export const stats: StoreCommand = {
  name: 'stats',
  purpose: 'look',
  summary: 'what is stored, in total or by one account',
  description: 'Prints what is stored. Reads the row of every account, which takes seconds on a large store.',
  changes: 'Nothing.',
  options: [new Option('--account <did>', 'only this account')],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite', 'the whole store'],
    ['--account did:plc:ewvi7nxzyoun6zhxrhs64oiz', 'one account'],
    ['--json', 'for a script'],
  ],
  async run(blobs, { account }) {
    if (typeof account === 'string') {
      const usage = await blobs.usage(account)
      const rows = [
        ['blobs', usage.count],
        ['bytes', sizeText(usage.bytes)],
        ['being uploaded', sizeText(usage.reserved)],
        ['waiting to be deleted', sizeText(usage.pending)],
      ] as const
      return { report: usage, rows, problems: [] }
    }
    const totals = await blobs.stats()
    const rows = [
      ['accounts', totals.accounts],
      ['blobs', totals.count],
      ['bytes, as accounts count', sizeText(totals.bytes)],
      ['objects stored', totals.storedCount],
      ['bytes stored', sizeText(totals.storedBytes)],
      ['being uploaded', sizeText(totals.reserved)],
      ['objects waiting to be deleted', totals.doomedCount],
    ] as const
    return { report: totals, rows, problems: [] }
  },
}
