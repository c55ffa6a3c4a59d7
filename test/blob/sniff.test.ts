import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultAccept } from '../../src/blob/mime.ts'
import { canSniff } from '../../src/blob/sniff/can-sniff.ts'
import { headLength, sniffMimeType } from '../../src/blob/sniff/sniff.ts'
import { files, program } from './samples.ts'

/** The beginning of an archive whose first file is `data`, deflated, and says that it has `size` bytes. */
function zipOf(name: string, data: Uint8Array, size: number): Uint8Array {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(8, 8)
  header.writeUInt32LE(size, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, Buffer.from(name), data])
}

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('sniffing', () => {
  test('recognizes real files of each type that is accepted by default', async () => {
    const sniffed = await Promise.all(defaultAccept.map((type) => sniffMimeType(files[type] as Uint8Array)))
    expect(sniffed).toEqual(defaultAccept)
  })

  test('recognizes them by any head of 64 bytes or more', async () => {
    const heads = defaultAccept.map((type) => Buffer.concat([files[type] as Uint8Array, Buffer.alloc(headLength)]))
    for (const length of [64, 600, headLength, headLength + 1]) {
      expect(await Promise.all(heads.map((head) => sniffMimeType(head.subarray(0, length))))).toEqual(defaultAccept)
    }
  })

  test('recognizes a program, whatever its name', async () => {
    expect(await sniffMimeType(program)).toBe('application/x-msdownload')
  })

  test('finds nothing in text, in no bytes, or in noise', async () => {
    const unknown = [
      '',
      'x',
      'hello',
      '<!doctype html>',
      '<svg xmlns="http://www.w3.org/2000/svg"/>',
      '{"a":1}',
      '\0'.repeat(5000),
    ]
    expect(await Promise.all(unknown.map((text) => sniffMimeType(bytesOf(text))))).toEqual(unknown.map(() => null))
  })

  test('returns types without parameters and in lower case', async () => {
    const opus = Buffer.concat([Buffer.from('OggS'), Buffer.alloc(24), Buffer.from('OpusHead'), Buffer.alloc(64)])
    expect(await sniffMimeType(opus)).toBe('audio/ogg')
    expect(await sniffMimeType(Uint8Array.of(0, 0, 1, 0xba, 0x44, 0, 0, 0))).toBe('video/mp2p')
  })

  test('ignores bytes after the head', async () => {
    const late = Buffer.concat([Buffer.alloc(headLength), files['image/png'] as Uint8Array])
    const iso = Buffer.alloc(40_000)
    iso.write('CD001', 32_769)
    expect(await Promise.all([sniffMimeType(late), sniffMimeType(iso)])).toEqual([null, null])
  })

  test('may run many times at once', async () => {
    const all = Array.from({ length: 200 }, (_, n) => defaultAccept[n % defaultAccept.length] as string)
    expect(await Promise.all(all.map((type) => sniffMimeType(files[type] as Uint8Array)))).toEqual(all)
  })
})

describe('malicious bytes for the sniffer', () => {
  const within = async (bytes: Uint8Array) => {
    const start = performance.now()
    const type = await sniffMimeType(bytes)
    expect(performance.now() - start).toBeLessThan(1000)
    return type
  }

  test('a Matroska file whose elements have no end (CVE-2022-36313)', async () => {
    const header = Buffer.from('1a45dfa3', 'hex')
    await within(Buffer.concat([header, Buffer.from('01ffffffffffffff', 'hex'), Buffer.alloc(4000)]))
    await within(Buffer.concat([header, Buffer.from('a3'), Buffer.alloc(4000, 0x80)]))
    await within(Buffer.concat([header, Buffer.from('80', 'hex')]))
  })

  test('an ASF file whose objects have no length (CVE-2026-31808)', async () => {
    const asf = Buffer.concat([Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'), Buffer.alloc(4000)])
    await within(asf)
    await within(asf.fill(0xff, 16))
  })

  test('archives that unpack to more than there is memory for (CVE-2026-32630)', async () => {
    expect(await within(gzipSync(Buffer.alloc(20_000_000)))).toBe('application/gzip')
    const types = deflateRawSync(Buffer.alloc(3_000_000))
    const packed = await within(zipOf('[Content_Types].xml', types, types.length))
    const endless = await within(zipOf('[Content_Types].xml', Buffer.alloc(4000, 0xff), 0xffffffff))
    expect([packed, endless, types.length < headLength]).toEqual(['application/zip', 'application/zip', true])
  })

  test('an archive that claims a part longer than the head is one', async () => {
    const claiming = (size: number) => within(zipOf('[Content_Types].xml', Buffer.alloc(4000, 0x78), size))
    expect(await Promise.all([5000, 200_000].map(claiming))).toEqual(['application/zip', 'application/zip'])
    const named = Buffer.from(zipOf('a', Buffer.alloc(4000), 4000))
    named.writeUInt16LE(60_000, 26)
    expect(await within(named)).toBe('application/zip')
  })

  test('anything else that fails is unknown', async () => {
    expect(await sniffMimeType(undefined as never)).toBeNull()
  })

  test('a thousand mutations of real files', async () => {
    const seeds = [...Object.values(files), program, gzipSync('hello')]
    const mutation = fc.tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 12 }),
      fc.nat(4000),
    )
    await fc.assert(
      fc.asyncProperty(mutation, async ([seed, changes, padding]) => {
        const bytes = Buffer.concat([seed, Buffer.alloc(padding)])
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
        const type = await within(bytes)
        expect(type === null || /^[^\s;A-Z]+\/[^\s;A-Z]+$/.test(type)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('whether sniffing would have recognized a type', () => {
  test('is true for types with a mark of their own, by any of their names', () => {
    const known = [
      ...defaultAccept,
      'image/apng',
      'image/jpg',
      'image/avif',
      'image/heic',
      'image/svg+zip',
      'video/x-matroska',
      'audio/webm',
    ]
    known.push(
      'audio/mp4',
      'audio/ogg',
      'audio/opus',
      'audio/flac',
      'application/pdf',
      'application/zip',
      'application/epub+zip',
      'application/msword',
    )
    known.push(
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'application/vnd.visio',
      'application/x-msdownload',
    )
    expect(known.filter((type) => !canSniff(type))).toEqual([])
  })

  test('is false for text, for marks that come late or may be missing, and for unknown types', () => {
    const unknown = [
      'text/plain',
      'text/html',
      'text/vtt',
      'text/calendar',
      'application/xml',
      'image/svg+xml',
      'application/json',
      'model/stl',
    ]
    unknown.push(
      'image/tiff',
      'image/x-adobe-dng',
      'application/x-iso9660-image',
      'audio/mpeg',
      'audio/mp3',
      'audio/aac',
      'video/mp2t',
    )
    unknown.push('application/octet-stream', 'x/y', 'constructor/name', '__proto__/x')
    expect(unknown.filter(canSniff)).toEqual([])
  })
})
