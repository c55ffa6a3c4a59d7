import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cid, parseCid } from '@atproto/lex-data'
import type { BlobStore } from '@atproto/repo'
import { AtUri } from '@atproto/syntax'
import { BlobTransactor } from '../../node_modules/@atproto/pds/dist/actor-store/blob/transactor.js'
import { type ActorDb, getDb, getMigrator } from '../../node_modules/@atproto/pds/dist/actor-store/db/index.js'
import { BackgroundQueue } from '../../node_modules/@atproto/pds/dist/background.js'
import { DiskBlobStore } from '../../node_modules/@atproto/pds/dist/disk-blobstore.js'
import type { PreparedWrite } from '../../node_modules/@atproto/pds/dist/repo/types.js'
import { collect } from '../collect.ts'
import { type Contender, type Open, recordKeyOf } from '../contract.ts'

// The code of the reference PDS, as its handlers call it, except for the database of each account: it is kept open
// here, but the PDS opens it for each request, which costs several times as much.

/** What the reference keeps for an account. */
interface Actor {
  db: ActorDb
  blobstore: BlobStore
}

export const open: Open = (folder) => openReference(folder, DiskBlobStore.creator(join(folder, 'blobs')))

export async function openReference(folder: string, storeOf: (did: string) => BlobStore): Promise<Contender> {
  const queue = new BackgroundQueue(undefined)
  const actors = new Map<string, Promise<Actor>>()
  const actorOf = (did: string): Promise<Actor> => {
    const actor = actors.get(did) ?? openActor(join(folder, 'actors', did), storeOf(did))
    actors.set(did, actor)
    return actor
  }
  const transactor = (db: ActorDb, { blobstore }: Actor) => new BlobTransactor(db, blobstore, queue)

  const streamOf = async (did: string, name: string) => {
    const actor = await actorOf(did)
    const { stream } = await transactor(actor.db, actor).getBlob(parseCid(name))
    return stream
  }

  return {
    async upload({ did, body }) {
      const actor = await actorOf(did)
      const metadata = await transactor(actor.db, actor).uploadBlobAndGetMetadata(body, 'image/jpeg')
      const blob = await actor.db.transaction(async (db) => {
        const blobs = transactor(db, actor)
        const tracked = await blobs.trackUntetheredBlob(metadata)
        if (await blobs.hasRecordsForBlob(tracked.ref)) await blobs.verifyBlobAndMakePermanent(tracked)
        return tracked
      })
      const write = { action: 'create', uri: uriOf(did, blob.ref), blobs: [blob] } as unknown as PreparedWrite
      await actor.db.transaction((db) => transactor(db, actor).processWriteBlobs(rev, [write]))
      return blob.ref.toString()
    },
    read: async (did, name) => collect(await streamOf(did, name)),
    stream: streamOf,
    async forget(did, name) {
      const actor = await actorOf(did)
      const write = { action: 'delete', uri: uriOf(did, parseCid(name)) } as unknown as PreparedWrite
      await actor.db.transaction((db) => transactor(db, actor).processWriteBlobs(rev, [write]))
    },
    async referenced(did) {
      const { db } = await actorOf(did)
      const rows = await db.db
        .selectFrom('record_blob')
        .innerJoin('blob', 'blob.cid', 'record_blob.blobCid')
        .where('blob.tempKey', 'is', null)
        .select('blob.cid')
        .execute()
      return rows.length
    },
    async close() {
      await queue.processAll()
      for (const { db } of await Promise.all(actors.values())) db.close()
    },
  }
}

async function openActor(folder: string, blobstore: BlobStore): Promise<Actor> {
  await mkdir(folder, { recursive: true })
  const db = getDb(join(folder, 'store.sqlite'))
  await db.ensureWal()
  await getMigrator(db).migrateToLatestOrThrow()
  return { db, blobstore }
}

const rev = '3jzfcijpj2z2a'

function uriOf(did: string, cid: Cid): AtUri {
  return AtUri.make(did, 'app.bsky.feed.post', recordKeyOf(cid.toString()))
}
