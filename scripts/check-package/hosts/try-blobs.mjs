import assert from 'node:assert/strict'
import { sampleBlob } from 'pds-blobstore/testing'

const did = 'did:plc:alice'
const large = new Uint8Array(3_000_000).map((_, i) => i % 251) // through a spool, and served as a stream

/** Lets Alice upload, if she says who she is. */
export const options = {
  authenticate: ({ headers }) => (headers.get('authorization') === 'Bearer alice' ? { did } : null),
}

export const limits = { maxBlobSize: 20_000_000, accept: ['*/*'], mimePolicy: 'declared' }

/** A small and a large upload, each read whole, in part and again; and a refusal. Prints the name if all is right. */
export async function tryBlobs(name, blobs, port) {
  const methods = `http://127.0.0.1:${port}/xrpc/com.atproto`
  const upload = (body, authorization) =>
    fetch(`${methods}.repo.uploadBlob`, {
      method: 'POST',
      headers: { 'content-type': 'image/png', authorization },
      body,
    })
  for (const bytes of [sampleBlob('image/png').bytes, large]) {
    const uploaded = await upload(bytes, 'Bearer alice')
    assert.equal(uploaded.status, 200)
    const { blob } = await uploaded.json()
    const uri = `at://${did}/com.example.post/${bytes.length}`
    await blobs.applyWrites(did, [{ action: 'update', uri, record: { blob } }], { rev: '3kyimv2x4zs2a' })
    const get = (headers) => fetch(`${methods}.sync.getBlob?did=${did}&cid=${blob.ref.$link}`, { headers })

    assert.deepEqual(Buffer.from(await (await get({})).arrayBuffer()), Buffer.from(bytes))
    const part = await get({ range: 'bytes=1-3' })
    assert.equal(part.headers.get('content-range'), `bytes 1-3/${bytes.length}`)
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), Buffer.from(bytes.subarray(1, 4)))
    assert.equal((await get({ 'if-none-match': `"${blob.ref.$link}"` })).status, 304)
  }
  const refused = await upload(large, 'Bearer mallory')
  assert.equal(refused.status, 401)
  await refused.body?.cancel()
  console.log(name)
}
