// A host that uses each of the package's threads and processes, bundled by bundlers.test.ts. Prints what it got.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createBlobStore, DiskBackend, isBlobStoreError, sqliteMetadata } from 'pds-blobstore'
import { blobRouter } from 'pds-blobstore/express'
import { createImageVariants } from 'pds-blobstore/images'
import { DiskTree, importPds } from 'pds-blobstore/import'
import { sampleBlob } from 'pds-blobstore/testing'

const [, , data] = process.argv
const did = 'did:plc:alice'
const disk = (name) => new DiskBackend({ root: join(data, name), durability: 'relaxed' })
const warnings = []
const threads = []
process.on('warning', ({ message }) => warnings.push(message))
process.on('worker', (worker) => threads.push(worker.threadName))

/** What a call returns, or the message of its error. */
async function outcome(call) {
  try {
    return await call()
  } catch (error) {
    return isBlobStoreError(error) ? `${error.code}: ${error.message}` : String(error)
  }
}

async function main() {
  const blobs = createBlobStore({
    backend: disk('blobs'),
    metadata: sqliteMetadata(join(data, 'blobs.sqlite'), { durability: 'relaxed' }),
    janitor: false,
  })
  const { bytes } = sampleBlob('image/jpeg')
  const picture = await blobs.upload(did, bytes)
  const post = { action: 'create', uri: `at://${did}/com.example.post/1`, record: { picture } }
  await blobs.applyWrites(did, [post], { rev: '3kyimv2x4zs2a' })
  const { ref } = picture

  const server = createServer(blobRouter(blobs, { authenticate: () => null }))
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const query = new URLSearchParams({ did, cid: String(ref) })
  const response = await fetch(`http://127.0.0.1:${server.address().port}/xrpc/com.atproto.sync.getBlob?${query}`)
  const served = Buffer.from(await response.arrayBuffer()).equals(bytes)
  server.close()
  server.closeAllConnections()

  const images = createImageVariants({ blobs, cache: disk('variants') })
  const variant = await outcome(async () => (await images.variant(did, ref, 'feed_thumbnail')).mimeType)
  await images.close()

  const backup = await outcome(async () => {
    await blobs.backup(join(data, 'copy.sqlite'))
    return readFileSync(join(data, 'copy.sqlite')).subarray(0, 13).toString()
  })

  // Its reader finds that this account's database is none.
  const shard = createHash('sha256').update(did).digest('hex').slice(0, 2)
  mkdirSync(join(data, 'actors', shard, did), { recursive: true })
  writeFileSync(join(data, 'actors', shard, did, 'store.sqlite'), 'no database'.repeat(100))
  const read = await outcome(async () => {
    const tree = new DiskTree({ location: join(data, 'blocks') })
    const { findings } = await importPds(blobs, { tree, actors: join(data, 'actors') })
    return findings.map(({ error }) => error.message).join()
  })

  // Until SQLite's log is long, and a thread takes it.
  for (let n = 0; n < 3000 && threads.length < 2 && warnings.length === 0; n++) {
    await blobs.upload(did, Buffer.concat([bytes.subarray(0, 100), Buffer.from(String(n))]))
  }
  await blobs.close()
  process.stdout.write(JSON.stringify({ served, variant, backup, read, threads, warnings }))
}

// Not awaited at the top level, which CommonJS does not have.
void main()
