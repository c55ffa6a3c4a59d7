import { resolve } from 'node:path'
import { Option } from 'commander'
import { exportFiles } from '../../transfer/export/export-files.ts'
import { exportPds } from '../../transfer/export/export-pds.ts'
import { isWithin, truePath } from '../../transfer/export/export-place.ts'
import type { ExportFinding } from '../../transfer/export/report.ts'
import { usageOf } from '../account-usage.ts'
import { sizeText } from '../amounts.ts'
import { type StoreCommand, UsageError } from '../command.ts'
import { dryRun, rate, whole } from '../options.ts'
import { assertThere } from '../paths.ts'

export const exportCommand: StoreCommand = {
  name: 'export',
  purpose: 'move',
  summary: 'write the stored blobs as plain files',
  description:
    'Writes one file for each CID and a manifest, or all blobs as the reference PDS (@atproto/pds) stores them on disk. Each is ' +
    'verified by its hash. It may be stopped or killed at any time; the next run continues. That the one --account has ' +
    'nothing here is a problem: exit status 3.',
  changes: 'Writes files to the given folder. It changes nothing in the store.',
  options: [
    new Option('--to <folder>', 'where to write files').makeOptionMandatory(),
    new Option('--layout <layout>', 'whose').choices(['files', 'pds']).default('files'),
    new Option(
      '--actors <folder>',
      'where the databases of the PDS are: reports blobs that the PDS has and the store has not, and exports its temporary blobs too',
    ),
    new Option('--account <did>', 'only this account'),
    new Option('--verify', 'read again what an earlier run has written'),
    new Option('--no-sync', 'faster, but a power cut may lose what was written'),
    whole('--concurrency <n>', 'how many blobs are copied at once').default(4),
    rate,
    dryRun,
  ],
  examples: [
    ['--to /backup/blobs --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'everything, with a manifest'],
    [
      '--to /pds/blocks --layout pds --actors /pds/actors --disk /srv/blobs --sqlite /srv/blobs.sqlite',
      'back to the storage that came with the PDS',
    ],
  ],
  async run(blobs, given, { signal, progress }) {
    const to = String(given.to)
    const actors = given.actors as string | undefined
    if (actors !== undefined) assertThere('--actors', actors, 'folder')
    if (typeof given.disk === 'string') await assertApart(to, given.disk)
    const account = typeof given.account === 'string' ? given.account : undefined
    const unknown = account === undefined ? [] : (await usageOf(blobs, account)).problems
    const { count: of } = await blobs.stats()
    const options = {
      actors,
      accounts: account === undefined ? undefined : [account],
      sync: given.sync !== false,
      verify: given.verify === true,
      concurrency: Number(given.concurrency),
      bytesPerSecond: given.rate as number | undefined,
      dryRun: given.dryRun === true,
      signal,
      onProgress: ({ examined, bytes }: { examined: number; bytes: number }) =>
        progress.show({ objects: examined, of, bytes }),
    }
    const report =
      given.layout === 'pds'
        ? await exportPds(blobs, { location: to, ...options })
        : await exportFiles(blobs, { folder: to, ...options })
    const rows = [
      ['accounts', report.accounts],
      [given.dryRun ? 'files that would be written' : 'files written', report.written],
      ['bytes', sizeText(report.bytes)],
      ['already there', report.present],
      ['left out, because not needed there', report.skipped],
      ['collected meanwhile', report.gone],
    ] as const
    const findings = report.findings.map(({ error, ...one }) => ({ ...one, error: error?.message }))
    return { report: { ...report, findings }, rows, problems: [...unknown, ...report.findings.map(textOf)] }
  },
}

/** The target must not be inside the source, or the source inside the target. @throws `UsageError` */
async function assertApart(to: string, disk: string): Promise<void> {
  const [path, root] = [await truePath(resolve(to)), await truePath(resolve(disk))]
  if (!isWithin(path, root) && !isWithin(root, path)) return
  throw new UsageError(`--to ${to} and --disk ${disk} are one inside the other: write to a folder outside the store`)
}

const textOf = ({ problem, did, cid, place, error }: ExportFinding): string =>
  [`${problem}:`, did, cid, place, error && `(${error.message})`].filter(Boolean).join(' ')
