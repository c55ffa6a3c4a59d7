import { Option } from 'commander'
import { usageOf } from '../account-usage.ts'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'

export const stats: StoreCommand = {
  name: 'stats',
  purpose: 'look',
  summary: 'what is stored, in total or by one account',
  description:
    'Prints what is stored. Reads the row of every account, which takes seconds on a large store. That an account has ' +
    'nothing here is a problem: exit status 3.',
  changes: 'Nothing.',
  options: [new Option('--account <did>', 'only this account')],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite', 'the whole store'],
    ['--account did:plc:ewvi7nxzyoun6zhxrhs64oiz', 'one account'],
    ['--json', 'for a script'],
  ],
  async run(blobs, { account }) {
    if (typeof account === 'string') {
      const { usage, problems } = await usageOf(blobs, account)
      const rows = [
        ['blobs', usage.count],
        ['bytes', sizeText(usage.bytes)],
        ['being uploaded', sizeText(usage.reserved)],
        ['waiting to be deleted', sizeText(usage.pending)],
      ] as const
      return { report: usage, rows, problems }
    }
    const totals = await blobs.stats()
    const { mirror } = await blobs.health()
    const lag = mirror?.lag
    const rows = [
      ['accounts', totals.accounts],
      ['blobs', totals.count],
      ['bytes, as accounts count', sizeText(totals.bytes)],
      ['objects stored', totals.storedCount],
      ['bytes stored', sizeText(totals.storedBytes)],
      ['being uploaded', sizeText(totals.reserved)],
      ['objects waiting to be deleted', totals.doomedCount],
      ...(lag ? [['objects not in the mirror yet', `${lag.objects}${lag.isMore ? ' or more' : ''}`] as const] : []),
      ['blobs in quarantine', totals.quarantinedCount],
    ] as const
    return { report: { ...totals, ...(lag && { mirror: lag }) }, rows, problems: [] }
  },
}
