import { Option } from 'commander'
import { sizeText } from '../amounts.ts'
import { type StoreCommand, UsageError } from '../command.ts'
import { type Copies, copiesAt } from '../copies.ts'
import { dryRun, rate, whole, yes } from '../options.ts'

export const heal: StoreCommand = {
  name: 'heal',
  purpose: 'order',
  summary: 'after the loss of a disk or bucket: bring everything back from the mirror',
  description:
    'Finds the objects that are missing, and copies each from the mirror, or from another place, verified by its hash. Also ' +
    'into an empty folder, which you make, or bucket, with which the host does not start. The host may run meanwhile. It may be stopped at ' +
    'any time; the next run continues. To find damaged objects too, use scrub.',
  changes: 'Writes what is missing. It deletes nothing, and no blob changes for any client.',
  options: [
    new Option('--from <place>', 'also a copy here: a backup, an export, a folder of blobs, or s3://bucket/prefix'),
    new Option('--accept-loss', 'go on although no copy is found: what was stored before is lost'),
    whole('--concurrency <n>', 'how many objects are copied at once').default(4),
    rate,
    dryRun,
    yes,
  ],
  examples: [
    ['--mirror /mnt/mirror --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'onto a new disk'],
    ['--from /backup/blobs --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'without a mirror, from a backup'],
    ['--config blobstore.config.js --dry-run', 'how much is missing'],
  ],
  async run(blobs, given, { signal, progress, confirm }) {
    const isDry = given.dryRun === true
    const from = given.from as string | undefined
    const acceptLoss = given.acceptLoss === true
    if (!acceptLoss && from === undefined && given.config === undefined && given.mirror === undefined) {
      throw new UsageError('Where are the copies? Give --mirror <place>, or --from <place> for a backup')
    }
    const question = acceptLoss
      ? 'Bring back what has a copy, and give up what has none?'
      : 'Bring back what this store has lost?'
    if (!isDry) await confirm(question, { grave: acceptLoss })
    const copies: Copies | undefined = from === undefined ? undefined : await copiesAt('--from', from, given, blobs)
    await using _closed = copies
    const report = await blobs.heal({
      ...(copies && { copyOf: copies.copyOf }),
      acceptLoss,
      concurrency: Number(given.concurrency),
      bytesPerSecond: given.rate as number | undefined,
      dryRun: isDry,
      signal,
      onProgress: ({ examined, objects, bytes }) => progress.show({ objects: examined, of: objects, bytes }),
    })
    const lost = report.findings.filter(({ problem }) => problem === 'lost').length
    const rows = [
      ['objects examined', report.examined],
      ['there', report.there],
      [isDry ? 'missing' : 'brought back', report.healed],
      [isDry ? 'their bytes' : 'bytes brought back', sizeText(report.bytes)],
      ...(isDry ? [] : [['lost', lost] as const]),
    ] as const
    const problems = report.findings.map(({ cid, problem, error }) =>
      problem === 'lost' ? `${cid}: no copy was found` : `${cid}: ${error?.message}; run it again`,
    )
    return { report, rows, problems }
  },
}
