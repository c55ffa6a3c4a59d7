import { writeFile } from 'node:fs/promises'
import { Option } from 'commander'
import type { BlobStore } from '../../blob-store.ts'
import { DiskTree } from '../../transfer/import/disk-tree.ts'
import { type AuroraReport, importAurora } from '../../transfer/import/import-aurora.ts'
import { importPds } from '../../transfer/import/import-pds.ts'
import type { PdsTree } from '../../transfer/import/pds-tree.ts'
import type { ImportFinding, ImportReport } from '../../transfer/import/report.ts'
import { sizeText } from '../amounts.ts'
import { type CommandContext, type ParsedOptions, type StoreCommand, UsageError } from '../command.ts'
import { withPackage } from '../optional-package.ts'
import { dryRun, rate, whole, yes } from '../options.ts'
import { assertThere, bucketOf } from '../paths.ts'

const pds = '--disk /srv/blobs --sqlite /srv/blobs.sqlite'

export const importCommand: StoreCommand = {
  name: 'import',
  purpose: 'move',
  summary: 'import the blobs of another PDS, while it serves',
  description:
    'Copies the blobs of a reference PDS (@atproto/pds), from its disk or bucket, or of an Aurora Locus PDS. Each is verified ' +
    'by its hash, and the source is not changed. It may be stopped or killed at any time; the next run continues.\n\n' +
    'Run it while the PDS serves, as often as you like. Then stop the PDS, run it a last time, and start the PDS with the ' +
    'store. Run it as the user that runs the PDS. See pds-blobstore/docs/importing.md.',
  fills: true,
  changes: 'Adds blobs and references to the store. It changes nothing in the PDS.',
  options: [
    new Option('--from <place>', 'where its blobs are: a folder, or s3://bucket').makeOptionMandatory(),
    new Option('--from-temp <folder>', 'where its temporary blobs are, if not in tempt in that folder'),
    new Option('--from-endpoint <url>', 'address of the service, if it is not AWS'),
    new Option('--from-region <region>', 'region of the bucket'),
    new Option('--from-path-style', 'the bucket is in the path, not in the host name'),
    new Option('--actors <folder>', 'where the databases of its accounts are'),
    new Option('--references <who>', 'who keeps references from now on').choices(['pds', 'store']).default('pds'),
    new Option(
      '--prune',
      'with --references store, in the last run: forget what the PDS has deleted since an earlier run',
    ),
    new Option('--aurora <database>', 'the SQLite database of an Aurora Locus PDS'),
    new Option('--names <file>', 'write the old names and the CIDs of the blobs to this file, as JSON lines'),
    new Option('--create', 'create the store, if there is none'),
    whole('--concurrency <n>', 'how many blobs are copied at once').default(4),
    rate,
    dryRun,
    yes,
  ],
  examples: [
    [`--from /pds/blocks --actors /pds/actors ${pds} --create`, 'a PDS with its blobs on disk'],
    [
      `--from s3://pds-blobs --actors /pds/actors ${pds} --create --rate 20M`,
      'a PDS with its blobs in a bucket, slowly',
    ],
    [`--from data/blobs --aurora data/account.sqlite --names names.jsonl ${pds} --create`, 'an Aurora Locus PDS'],
  ],
  async run(blobs, given, surroundings) {
    const isAurora = given.aurora !== undefined
    if (isAurora === (given.actors !== undefined)) {
      throw new UsageError('Which PDS is it? Give --actors for @atproto/pds, or --aurora for Aurora Locus')
    }
    if (given.dryRun !== true) {
      await surroundings.confirm(
        given.prune ? 'Import into this store, and forget what the PDS has deleted?' : 'Import into this store?',
      )
    }
    const report = isAurora ? await fromAurora(blobs, given, surroundings) : await fromPds(blobs, given, surroundings)
    const rows = [
      ['blobs of the PDS', report.blobs],
      [given.dryRun ? 'would be imported' : 'imported', report.imported],
      ['bytes', sizeText(report.bytes)],
      ['already there', report.present],
      ['deleted by the PDS meanwhile', report.gone],
      ['records that no longer reference any', given.prune ? report.pruned : undefined],
      ['temporary files that it left behind', isAurora ? undefined : report.leftovers],
    ] as const
    return { report: printable(report), rows, problems: report.findings.map(textOf) }
  },
}

async function fromPds(blobs: BlobStore, given: ParsedOptions, surroundings: CommandContext): Promise<ImportReport> {
  if (given.names !== undefined) throw new UsageError('--names is for --aurora: other PDSes name blobs by their CIDs')
  assertThere('--actors', String(given.actors), 'folder')
  const tree = await treeAt(given)
  try {
    return await importPds(blobs, {
      tree,
      actors: String(given.actors),
      references: given.references === 'store' ? 'store' : 'pds',
      prune: given.prune === true,
      ...common(given, surroundings),
    })
  } finally {
    await tree.close()
  }
}

async function fromAurora(blobs: BlobStore, given: ParsedOptions, surroundings: CommandContext): Promise<AuroraReport> {
  assertThere('--from', String(given.from), 'folder')
  assertThere('--aurora', String(given.aurora), 'file')
  const places = { folder: String(given.from), database: String(given.aurora) }
  const report = await importAurora(blobs, { ...places, ...common(given, surroundings) })
  if (typeof given.names === 'string' && given.dryRun !== true) {
    await writeFile(given.names, report.names.map((name) => `${JSON.stringify(name)}\n`).join(''))
  }
  return report
}

async function treeAt(given: ParsedOptions): Promise<PdsTree> {
  const from = String(given.from)
  if (!from.startsWith('s3://')) {
    assertThere('--from', from, 'folder')
    return new DiskTree({ location: from, tempLocation: given.fromTemp as string | undefined })
  }
  const { bucket, prefix } = bucketOf('--from', from)
  if (prefix !== '') throw new UsageError(`--from ${from}: the PDS has a bucket for its blobs alone: give s3://bucket`)
  const { S3Tree } = await withPackage(
    '--from s3://…',
    '@aws-sdk/client-s3',
    () => import('../../transfer/import/s3-tree.ts'),
  )
  return new S3Tree({
    bucket,
    endpoint: given.fromEndpoint as string | undefined,
    region: given.fromRegion as string | undefined,
    forcePathStyle: given.fromPathStyle as boolean | undefined,
  })
}

function common(given: ParsedOptions, { signal, progress }: CommandContext) {
  return {
    concurrency: Number(given.concurrency),
    bytesPerSecond: given.rate as number | undefined,
    dryRun: given.dryRun === true,
    signal,
    onProgress: ({ examined, blobs: of, bytes }: ImportReport) => progress.show({ objects: examined, of, bytes }),
  }
}

/** An Error becomes {} in JSON. */
function printable<T extends ImportReport>(report: T): object {
  return { ...report, findings: report.findings.map(({ error, ...one }) => ({ ...one, error: error?.message })) }
}

const textOf = ({ problem, did, cid, place, error }: ImportFinding): string =>
  [`${problem}:`, did, cid, place, error && `(${error.message})`].filter(Boolean).join(' ')
