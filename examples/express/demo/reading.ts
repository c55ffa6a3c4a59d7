import assert from 'node:assert/strict'
import { assertSameBytes, bytesOf, type Media } from './media.ts'
import { count, rate, timed } from './report.ts'
import type { Story } from './story.ts'

const MiB = 1024 * 1024

export async function reading({ uploads, report, alice, bob }: Story): Promise<void> {
  report.chapter('Everybody can read them')
  for (const { owner, media, cid } of uploads) {
    const start = performance.now()
    await timed(report.down, media.size, async () => {
      if (media.size < MiB) {
        assert.ok(bytesOf(media).equals(await owner.readBlob(cid)), `${media.name} is returned with other bytes`)
      } else {
        // The client would hold it in memory.
        const response = await fetch(owner.blobUrl(cid))
        assert.equal(response.status, 200, `${media.name} is answered by ${response.status}`)
        await assertSameBytes(response.body ?? assert.fail('no body'), media)
      }
    })
    const speed = media.size < MiB ? '' : rate(media.size, performance.now() - start)
    report.step(`${media.name.padEnd(16)} is the same in all its ${count(media.size)} bytes`, speed)
  }

  for (const { owner, media, cid } of uploads) {
    const { headers } = await fetch(owner.blobUrl(cid), { method: 'HEAD' })
    const expected = {
      'content-type': media.mimeType,
      'content-length': String(media.size),
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'content-disposition': `attachment; filename="${cid}"`,
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    }
    for (const [name, value] of Object.entries(expected))
      assert.equal(headers.get(name), value, `${name} has a wrong value`)
  }
  report.step('each has its type and size, and the headers that keep a browser from running it')

  for (const { owner, media, cid } of uploads) {
    for (const [start, end, header] of rangesOf(media)) {
      const response = await fetch(owner.blobUrl(cid), { headers: { range: header } })
      assert.equal(response.status, 206, `${header} of ${media.name} is answered by ${response.status}`)
      const range = response.headers.get('content-range')
      assert.equal(range, `bytes ${start}-${end}/${media.size}`, `${header} of ${media.name} gives ${range}`)
      const same = bytesOf(media, start, end).equals(await response.bytes())
      assert.ok(same, `${header} of ${media.name} returns other bytes`)
    }
    const beyond = await fetch(owner.blobUrl(cid), { headers: { range: `bytes=${media.size}-` } })
    assert.equal(beyond.status, 416, `past the end of ${media.name} is answered by ${beyond.status}`)
  }
  report.step('by Range: first byte, middle, last bytes and open end of each (206), past the end (416)')

  for (const { owner, media, cid } of uploads) {
    const { headers } = await fetch(owner.blobUrl(cid), { method: 'HEAD' })
    const conditions = { 'if-none-match': headers.get('etag') ?? '' }
    const again = await fetch(owner.blobUrl(cid), { headers: conditions })
    assert.equal(again.status, 304, `${media.name} is sent again, with status ${again.status}`)
    assert.equal((await again.bytes()).length, 0, 'a 304 has a body')
  }
  report.step('conditional: a client that sends the ETag gets a 304 and no bytes')

  for (const person of [alice, bob]) {
    const { data } = await person.agent.com.atproto.sync.listBlobs({ did: person.did })
    const own = uploads.filter(({ owner }) => owner === person).map(({ cid }) => cid)
    assert.deepEqual(data.cids.toSorted(), own.toSorted(), `listBlobs of ${person.name} returns ${data.cids}`)
  }
  report.step('listBlobs returns them all')
}

/** First and last byte, and the header that requests them. */
function rangesOf({ size }: Media): [start: number, end: number, header: string][] {
  const middle = Math.floor(size / 2)
  return [
    [0, 0, 'bytes=0-0'],
    [middle, middle + 499, `bytes=${middle}-${middle + 499}`],
    [size - 500, size - 1, 'bytes=-500'],
    [size - 10, size - 1, `bytes=${size - 10}-${size + 1000}`],
    [size - 100, size - 1, `bytes=${size - 100}-`],
  ]
}
