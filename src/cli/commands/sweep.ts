import { Option } from 'commander'
import type { StoreCommand } from '../command.ts'
import { dryRun, yes } from '../options.ts'

export const sweep: StoreCommand = {
  name: 'sweep',
  purpose: 'order',
  summary: 'find bytes that no row knows',
  description:
    'Lists the bytes and looks each up in the database. What crashes left is marked, and collecting deletes it when the ' +
    'delete delay is over. Hosts run it daily.',
  changes:
    'Marks bytes that no row knows, and deletes the unfinished uploads of dead processes. It changes no blob of an account.',
  options: [new Option('--force', 'even when more than a tenth of the bytes are unknown'), dryRun, yes],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite --dry-run', 'only count'],
    ['', 'find and mark'],
    ['--yes --quiet', 'from cron'],
    ['--force --yes', 'when it stopped, and the database is the right one'],
  ],
  async run(blobs, given, { signal, progress, confirm }) {
    const options = { force: given.force === true, dryRun: given.dryRun === true, signal }
    if (options.force && !options.dryRun) {
      await confirm('Mark for deletion in this store, even more than a tenth of the bytes?', { grave: true })
    } else if (!options.dryRun) await confirm('Mark for deletion what no row knows in this store?')
    const { storedCount, doomedCount } = await blobs.stats()
    const of = storedCount + doomedCount
    const report = await blobs.sweep({ ...options, onProgress: ({ keys }) => progress.show({ objects: keys, of }) })
    const rows = [
      ['objects seen', report.keys],
      ['orphans', report.orphans],
      ['spools of dead processes', report.spools],
    ] as const
    const stopped = 'More than a tenth of the bytes are unknown to this database. Is it the right one? If so: --force'
    return { report, rows, problems: report.stopped ? [stopped] : [] }
  },
}
