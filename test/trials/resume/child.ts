import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobStore, ResumableUploads } from '../../../src/index.ts'
import { tusRouter } from '../../../src/tus.ts'
import { tokens } from '../../http/tokens.ts'
import { storeIn } from './place.ts'

// The server of the trial: node child.ts <folder> <broken rule, or none>. Says its port, and is killed at any time.

const [folder = '', broken = ''] = process.argv.slice(2)
process.on('disconnect', () => process.exit())

const blobs = storeIn(folder)
await blobs.ready()
const { authenticate } = tokens
const onError = (error: unknown) => void process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
const router = tusRouter(broken === 'early' ? acknowledgingEarly(blobs) : blobs, {
  path: '/upload',
  authenticate,
  onError,
})
const server = createServer(router).listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})

/** A store whose appends resolve before their bytes are stored. */
function acknowledgingEarly(store: BlobStore): BlobStore {
  const append: ResumableUploads['append'] = async (did, id, offset, body, options) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const upload = await store.resumable.stat(did, id)
    if (upload?.offset !== offset || bytes.length < 1000 || offset + bytes.length === upload.size) {
      return await store.resumable.append(did, id, offset, bytes, options)
    }
    void sleep(300)
      .then(() => store.resumable.append(did, id, offset, bytes))
      .catch(() => {})
    return { ...upload, offset: offset + bytes.length }
  }
  return { ...store, limits: store.limits, times: store.times, resumable: { ...store.resumable, append } }
}
