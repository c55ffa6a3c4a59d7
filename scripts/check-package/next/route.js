import { join } from 'node:path'
import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'

// The route handler of a small Next.js app, built by check:package.

export const dynamic = 'force-dynamic'

const did = 'did:plc:alice'
let opened

/** Not when the module is loaded, which the build does too. */
function store() {
  opened ??= createBlobStore({
    backend: new DiskBackend({ root: join(process.env.DATA, 'blobs') }),
    metadata: sqliteMetadata(join(process.env.DATA, 'blobs.sqlite')),
  })
  return opened
}

export async function POST(request) {
  const { ref } = await store().upload(did, request.body, { mimeType: request.headers.get('content-type') })
  return Response.json({ cid: String(ref) })
}

export async function GET(request) {
  const { body, mimeType } = await store().read(did, request.nextUrl.searchParams.get('cid'), { as: 'account' })
  return new Response(body, { headers: { 'content-type': mimeType } })
}

/** A backup is written by a thread. */
export async function PUT() {
  return Response.json(await store().backup(join(process.env.DATA, 'copy.sqlite')))
}
