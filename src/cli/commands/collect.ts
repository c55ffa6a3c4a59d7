import { Option } from 'commander'
import { sizeText } from '../amounts.ts'
import type { StoreCommand } from '../command.ts'
import { dryRun, yes } from '../options.ts'

export const collect: StoreCommand = {
  name: 'collect',
  purpose: 'order',
  summary: 'delete what nothing needs',
  description:
    'Deletes temporary blobs after their grace period, leftovers of dead uploads, and bytes whose delete delay is over. ' +
    'Hosts run it every few minutes. Run it here to see what would be deleted, or with --force.',
  changes:
    'Deletes expired blobs, and bytes whose delete delay is over, for good. It deletes no blob that a record references.',
  options: [
    new Option('--force', 'also delete what is held back because many accounts would lose much at once'),
    dryRun,
    yes,
  ],
  examples: [
    ['--disk /srv/blobs --sqlite /srv/blobs.sqlite --dry-run', 'what would be deleted'],
    ['', 'delete it'],
    ['--yes --quiet', 'from cron'],
    ['--force --yes', 'after an intended mass deletion'],
  ],
  async run(blobs, given, { signal, progress, confirm }) {
    const options = { force: given.force === true, dryRun: given.dryRun === true, signal }
    if (options.force && !options.dryRun) {
      await confirm('Delete in this store, even if many accounts lose more than a tenth of what they have?', {
        grave: true,
      })
    } else if (!options.dryRun) await confirm('Delete what nothing needs in this store?')
    const report = await blobs.collect({
      ...options,
      onProgress: ({ expiredBlobs, expiredUploads, deletedKeys, deletedBytes }) =>
        progress.show({ objects: expiredBlobs + expiredUploads + deletedKeys, bytes: deletedBytes }),
    })
    const rows = [
      ['blobs expired', report.expiredBlobs],
      ['blobs held back', report.heldBlobs],
      ['uploads ended', report.expiredUploads],
      ['objects deleted', report.deletedKeys],
      ['bytes deleted', sizeText(report.deletedBytes)],
      ['objects that wait', report.waitingKeys],
      ['objects that failed', report.failedKeys],
    ] as const
    const problems = []
    if (report.stopped) {
      problems.push(
        `${report.heldBlobs} blobs are held back for 7 days: many accounts would lose more than a tenth of what they have at once. If that is intended: --force`,
      )
    }
    if (report.failedKeys > 0)
      problems.push(`${report.failedKeys} objects could not be deleted; the next run tries again`)
    return { report, rows, problems }
  },
}
