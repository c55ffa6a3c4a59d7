import { readFileSync } from 'node:fs'
import { Option } from 'commander'
import { isBlobCid } from '../../blob/cid.ts'
import { isDid } from '../../blob/identifiers.ts'
import { parseMimeType } from '../../blob/mime.ts'
import type { BlobOwner } from '../../maintenance/recovery.ts'
import { type StoreCommand, UsageError } from '../command.ts'
import { yes } from '../options.ts'
import { assertThere } from '../paths.ts'

export const recover: StoreCommand = {
  name: 'recover',
  purpose: 'order',
  summary: 'after a restore of the database: give bytes back to their accounts',
  description:
    'Run it after every restore of the database from a backup, with every process of the host stopped. It finds the ' +
    'bytes that the restored database does not know, verifies their hashes, and gives them to the accounts that --owners ' +
    'names. Then collecting and sweeping are allowed again.\n\n' +
    'Bytes without an owner are marked by the next sweep, and deleted after the delete delay. Until then, you may run it ' +
    'again with more owners.',
  changes: 'Gives blobs back to accounts, and allows collecting and sweeping. It deletes nothing.',
  options: [new Option('--owners <file>', 'the owners of blobs: lines of a CID, a DID, and a type if known'), yes],
  examples: [
    ['--owners owners.txt --disk /srv/blobs --sqlite /srv/blobs.sqlite', 'give back what these accounts had uploaded'],
    ['--yes', 'give nothing back, and allow collecting again'],
  ],
  async run(blobs, given, { signal, progress, confirm }) {
    const owners = given.owners === undefined ? undefined : ownersIn(String(given.owners))
    await confirm('Is every process of the host of this store stopped?', { grave: true })
    const { storedCount, doomedCount } = await blobs.stats()
    const atLeast = storedCount + doomedCount
    const report = await blobs.recover({
      ownersOf: owners && (async (cid) => owners.get(cid) ?? []),
      signal,
      onProgress: ({ keys }) => progress.show({ objects: keys, of: Math.max(keys, atLeast) }),
    })
    const rows = [
      ['objects seen', report.keys],
      ['blobs given back', report.adopted],
      ['forgotten, without owner', report.unclaimed.length],
      ['owned, and taken down', report.takenDown.length],
      ['forgotten, and damaged', report.damaged],
    ] as const
    const problems = report.unclaimed.map((cid) => `${cid}: has no owner, the next sweep marks it for deletion`)
    problems.push(...report.takenDown.map((cid) => `${cid}: was taken down by a moderator, and given to no account`))
    const missing: string[] = []
    const hidden = new Set<string>(report.takenDown)
    for (const cid of owners?.keys() ?? []) {
      if (!hidden.has(cid) && (await blobs.locate(cid, { signal })) === null) missing.push(cid)
    }
    problems.push(...missing.map((cid) => `${cid}: has an owner, and no good bytes of it were found`))
    if (report.damaged > 0) problems.push(`${report.damaged} objects could not be read, or do not match their names`)
    return { report: { ...report, missing }, rows, problems }
  },
}

/** @throws `UsageError`, with the number of the line */
function ownersIn(file: string): ReadonlyMap<string, readonly BlobOwner[]> {
  assertThere('--owners', file, 'file')
  const owners = new Map<string, BlobOwner[]>()
  for (const [at, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const [cid, did, mimeType, ...more] = line.split(/\s+/).filter((word) => word !== '')
    if (cid === undefined) continue
    if (
      !isBlobCid(cid) ||
      !isDid(did) ||
      (mimeType !== undefined && parseMimeType(mimeType) !== mimeType) ||
      more.length > 0
    ) {
      throw new UsageError(
        `--owners ${file}: line ${at + 1} is not a blob’s CID, a DID and optionally a type, separated by spaces:\n` +
          '  bafkrei… did:plc:… image/jpeg',
      )
    }
    const known = owners.get(cid) ?? []
    owners.set(cid, [...known, { did, mimeType }])
  }
  return owners
}
