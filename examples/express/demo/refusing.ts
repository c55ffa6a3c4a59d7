import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { type BlobRef, jsonToLex } from '@atproto/api'
import { cidOfBytes } from 'pds-blobstore'
import { type Media, noise, png } from './media.ts'
import { type Person, refused } from './people.ts'
import { count } from './report.ts'
import { type Story, uploadOf } from './story.ts'

export async function refusing(story: Story): Promise<void> {
  const { alice, pds, report } = story
  report.chapter('Uploads that are not what they claim are refused')

  report.step('a program named .png', await refused('InvalidMimeType', 400, alice.upload(program)))
  report.step('a web page named .png', await refused('InvalidMimeType', 400, alice.upload(page)))

  const size = pds.blobs.limits.maxBlobSize + 1
  const tooMuch = { mimeType: 'video/mp4', chunks: () => noise(size) }
  report.step(`${count(size)} bytes`, await refused('PayloadTooLarge', 413, alice.uploadStream(tooMuch)))
  const early = await sendRaw(alice, size, new Uint8Array())
  assert.match(early, /^HTTP\/1\.1 413 [\s\S]*"PayloadTooLarge"/, `was answered with: ${early}`)
  report.step('the same by its Content-Length, before a byte of it was sent')

  const half = Buffer.concat([...noise(500)])
  assert.doesNotMatch(await sendRaw(alice, 1000, half), /^HTTP\/1\.1 2/, 'half an upload was accepted')
  const kept = await pds.blobs.stat(alice.did, cidOfBytes(half), { as: 'account' })
  assert.equal(kept, null, 'half an upload was stored')
  report.step('a Content-Length of 1000 with 500 bytes: nothing is stored')

  const { ref, cid } = uploadOf(story, png)
  const otherSize = refTo(cid, ref.mimeType, ref.size + 1)
  report.step('a reference with another size', await refused('InvalidSize', 400, alice.post('Bigger', otherSize)))
  const otherType = refTo(cid, 'image/jpeg', ref.size)
  report.step('a reference with another type', await refused('InvalidMimeType', 400, alice.post('JPEG', otherType)))

  const before = await postsOf(alice)
  const nothing = refTo(cidOfBytes(half), 'image/png', half.length)
  report.step('a reference to nothing', await refused('BlobNotFound', 400, alice.post('One of two', ref, nothing)))
  assert.equal(await postsOf(alice), before, 'a refused record was stored')
  report.step('no refused record was stored: record and references share one transaction')
}

const program = saidToBePng(Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1'), ...noise(2000)) // for Windows
const page = saidToBePng(Buffer.from('<!doctype html><script>alert(document.cookie)</script>'))

function saidToBePng(...chunks: Uint8Array[]): Media {
  return { name: 'kitten.png', mimeType: 'image/png', size: Buffer.concat(chunks).length, chunks: () => chunks }
}

function refTo(cid: string, mimeType: string, size: number): BlobRef {
  return jsonToLex({ $type: 'blob', ref: { $link: cid }, mimeType, size }) as BlobRef
}

async function postsOf({ agent, did }: Person): Promise<number> {
  const { data } = await agent.com.atproto.repo.listRecords({ repo: did, collection: 'app.bsky.feed.post' })
  return data.records.length
}

/** A raw upload, because no client lets one lie: so many bytes are announced, these are sent. */
async function sendRaw({ agent }: Person, announced: number, bytes: Uint8Array): Promise<string> {
  const socket = connect({ host: agent.serviceUrl.hostname, port: Number(agent.serviceUrl.port), allowHalfOpen: true })
  await once(socket, 'connect')
  socket.write(
    `POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nhost: ${agent.serviceUrl.host}\r\n` +
      `authorization: Bearer ${agent.session?.accessJwt}\r\ncontent-type: image/png\r\ncontent-length: ${announced}\r\n\r\n`,
  )
  socket.write(bytes)
  // An honest client without a body waits for the response; a lying one disconnects.
  if (bytes.length > 0) socket.end()
  return await text(socket)
}
