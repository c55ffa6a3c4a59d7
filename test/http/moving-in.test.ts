import { expect, test } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { cidOfBytes } from '../../src/index.ts'
import { alice, asAlice, jsonOf, openPlace, query, tokens, xrpc } from './place.ts'

// An account moves in: its repository first, then each missing blob, which most clients send as `*/*`, whatever the
// records claim. The types are those that the sniffer does not know, spells differently, or takes for others.

const records: [type: string, bytes: string | Buffer][] = [
  ['text/html', '<!doctype html><p>hi'],
  ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['text/plain', 'plain'],
  ['application/json', '{"a":1}'],
  ['*/*', 'anything'],
  ['application/octet-stream', 'something'],
  ['audio/vnd.wave', Buffer.concat([Buffer.from('RIFF\x24\0\0\0WAVEfmt '), Buffer.alloc(28)])],
  ['audio/x-flac', Buffer.concat([Buffer.from('fLaC\0\0\0\x22'), Buffer.alloc(34)])],
  ['video/x-matroska', Buffer.from('1a45dfa38b4282886d6174726f736b61', 'hex')],
  ['image/png', 'no PNG at all'],
  ['video/mp4', Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex')],
]

test.each(records)(
  'a blob that an imported record names as %s is public as soon as it is uploaded',
  async (type, content) => {
    const { blobs } = await openPlace({ limits: { mimePolicy: 'sniffed' } })
    const handler = createBlobHandler(blobs, tokens)
    const bytes = Buffer.from(content)
    const cid = cidOfBytes(bytes)
    const file = { $type: 'blob', ref: { $link: cid }, mimeType: type, size: bytes.length }
    const write = { action: 'create', uri: `at://${alice}/com.example.site/1`, record: { file } } as const
    await blobs.applyWrites(alice, [write], { rev: '3kyimv2x4zs2a', missing: 'expect' })

    const missing = async () => {
      const answer = await handler(new Request(`http://pds.example${xrpc.missing}`, { headers: asAlice }))
      return (await jsonOf(answer)).blobs.map((one: { cid: string }) => one.cid)
    }
    const get = () => handler(new Request(`http://pds.example${query(xrpc.get, { did: alice, cid })}`))
    expect(await missing()).toEqual([cid])
    expect(await jsonOf(await get())).toMatchObject({ error: 'BlobNotFound' })
    for (const declared of ['*/*', type, 'application/octet-stream']) {
      const headers = { ...asAlice, 'content-type': declared }
      const answer = await handler(
        new Request(`http://pds.example${xrpc.upload}`, { method: 'POST', headers, body: bytes }),
      )
      expect(answer.status, declared).toBe(200)
      expect(await missing()).toEqual([])
      const got = await get()
      expect(got.status).toBe(200)
      expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
      expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    }
  },
)
