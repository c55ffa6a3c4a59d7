import type { BlobStore } from '../../blob-store.ts'
import { PassedOver, TransferJob, transferOptions } from '../../maintenance/transfer-job.ts'
import { assertOneOf, assertOptions, invalidArgument } from '../../options.ts'
import { SqliteReader } from '../reader/sqlite-reader.ts'
import { AccountImport } from './account-import.ts'
import { type ActorDatabase, ActorFolder } from './actor-database.ts'
import type { PdsTree, TreeArea } from './pds-tree.ts'
import { PinWriter } from './pin-writer.ts'
import { firstRev, pruneReferences, RecordWriter } from './record-writer.ts'
import type { ReferenceWriter } from './reference-writer.ts'
import { emptyReport, type ImportOptions, type ImportReport } from './report.ts'

export interface ImportPdsOptions extends ImportOptions {
  /** Where its bytes are: a {@link DiskTree}, or an `S3Tree` of `pds-blobstore/s3`. The host closes it. */
  tree: PdsTree
  /**
   * Where the databases of its accounts are: `PDS_ACTOR_STORE_DIRECTORY`, by default `actors` in its data directory.
   */
  actors: string
  /**
   * Who keeps the references from now on. `pds`: the PDS itself, to which the store will be attached
   * (`attachBlobStore`). `store`: the store, for a PDS that calls `applyWrites`.
   * @default 'pds'
   */
  references?: 'pds' | 'store' | undefined
  /**
   * With `references: 'store'`, for the last import, after the PDS was stopped and before anything else writes to the
   * store: forgets what the PDS has deleted since an earlier import. An attached store asks the PDS itself.
   * @default false
   */
  prune?: boolean | undefined
}

/**
 * Imports the blobs of a reference PDS (`@atproto/pds`) into a store: bytes, each verified by its hash, types, dates,
 * references and takedowns. Nothing in the PDS is changed, and it may serve meanwhile. It may be killed at any time and
 * called again: blobs that were imported are skipped. docs/importing.md describes the steps.
 *
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { DiskTree, importPds } from 'pds-blobstore/import'
 *
 * declare const blobs: BlobStore
 * const tree = new DiskTree({ location: '/pds/blocks' })
 * const report = await importPds(blobs, { tree, actors: '/pds/actors' })
 * for (const { problem, did, cid } of report.findings) process.stderr.write(`${problem}: ${did} ${cid}\n`)
 * ```
 *
 * @throws `InvalidArgument`, and the error of 20 failures in a row
 */
export async function importPds(blobs: BlobStore, options: ImportPdsOptions): Promise<ImportReport> {
  assertOptions('importPds', options, ['tree', 'actors', 'references', 'prune', ...transferOptions])
  const { tree, references = 'pds', prune = false, signal } = options
  assertOneOf('importPds: references', references, ['pds', 'store'])
  if (typeof tree?.open !== 'function') throw invalidArgument('importPds', 'tree must be a DiskTree or an S3Tree')
  if (typeof options.actors !== 'string')
    throw invalidArgument('importPds', 'actors must be the folder of the accounts’ databases')
  if (prune && references === 'pds') throw invalidArgument('importPds', 'prune is for references in the store')
  const job = new TransferJob('importPds', emptyReport(), options)
  using reader = new SqliteReader({ signal })
  const actors = new ActorFolder(options.actors, reader)
  let isComplete = true
  const known = await actors.accounts((place, error) => {
    isComplete = false
    job.found({ problem: 'unreadable', place, error })
  })
  if (known.size === 0 && isComplete)
    throw invalidArgument('importPds', 'the folder of the accounts’ databases has none')

  const writerOf = async (did: string, actor: ActorDatabase): Promise<ReferenceWriter> =>
    references === 'pds'
      ? new PinWriter(blobs, did)
      : RecordWriter.load(blobs, did, actor, (cid, place) => job.found({ problem: 'unreadable', did, cid, place }))
  for (const did of known) job.report.blobs += await countOf(did)
  for (const did of known) await importAccount(did)
  await findUnknownAccounts()
  // If a folder could not be read, its accounts are unknown.
  if (prune && isComplete && !job.dryRun) await pruneAccounts()
  return job.report

  async function countOf(did: string): Promise<number> {
    signal?.throwIfAborted()
    try {
      return await actors.of(did).count()
    } catch (error) {
      if (error instanceof PassedOver) return 0 // reported when the account is imported
      throw error
    }
  }

  async function importAccount(did: string): Promise<void> {
    signal?.throwIfAborted()
    await unlessPassedOver(did, async () => {
      const actor = actors.of(did)
      const references = await writerOf(did, actor)
      const isSettled = await new AccountImport({ blobs, did, actor, tree, references, job }).run()
      if (prune && !job.dryRun && isSettled) job.report.pruned += await references.prune(signal)
    })
  }

  /** Accounts that the PDS has deleted since. */
  async function pruneAccounts(): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await blobs.listAccounts({ cursor, signal })
      for (const { did, deleted } of page.items) {
        if (deleted || known.has(did)) continue
        const erase = async (uri: string): Promise<void> => {
          await blobs.applyWrites(did, [{ action: 'delete', uri }], { rev: firstRev })
        }
        job.report.pruned += await pruneReferences(blobs, did, () => false, erase, { signal })
      }
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  /** Finds bytes of accounts without a database, which deletions leave after a crash. */
  async function findUnknownAccounts(): Promise<void> {
    for (const area of ['stored', 'quarantined', 'temporary'] satisfies TreeArea[]) {
      await unlessPassedOver(undefined, async () => {
        for await (const did of tree.accounts(area, { signal })) {
          if (!known.has(did)) await unlessPassedOver(did, () => findUnknown(area, did))
        }
      })
    }
  }

  async function findUnknown(area: TreeArea, did: string): Promise<void> {
    for await (const name of tree.names(area, did, { signal })) {
      signal?.throwIfAborted()
      if (area === 'temporary') job.report.leftovers += 1
      else job.found({ problem: 'unknown', did, cid: name, place: tree.describe(area, did, name) })
    }
  }

  async function unlessPassedOver(did: string | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof PassedOver)) throw error
      job.found({ problem: error.problem, did, place: error.place, error })
    }
  }
}
