import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { files, program } from '../blob/samples.ts'
import { alice, openPlace, query, tokens, xrpc } from '../http/place.ts'

// Rows 2 and 17 of the table of attacks: files of two types. Fails when securityHeaders depends on the type (an image
// without `sandbox`, say), or when a program is accepted for what its name or its declared type says. test/browser
// shows that a real browser runs none of them (row 1).

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1')
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)
const script = '<script>alert(document.domain)</script>'
const image = (type: string): Uint8Array => files[type] as Uint8Array
const zip = join(
  text('PK\x03\x04\x14\0\0\0\x08\0'),
  new Uint8Array(16),
  text('\x05\0\0\0a.txt'),
  deflateRawSync('hello'),
)
const riff = (kind: string): Uint8Array => text(`RIFF\x40\0\0\0${kind}`)
const pdf = '%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n'
const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'

/** Bytes, and the types that an attacker might declare for them. */
const polyglots: [name: string, bytes: Uint8Array, declared: string[]][] = [
  ['GIF + JavaScript', text('GIF89a=1;alert(document.domain)//'), ['image/gif', 'text/javascript']],
  [
    'GIF + JavaScript in a comment',
    text('GIF89a/*\0\0\x01\0\x01\0*/=1;alert(1)'),
    ['image/gif', 'application/javascript'],
  ],
  ['GIF + HTML', join(image('image/gif'), text(script)), ['image/gif', 'text/html']],
  ['GIF + PHP', join(image('image/gif'), text('<?php system($_GET[0]) ?>')), ['image/gif', 'application/x-httpd-php']],
  ['GIF + ZIP', join(image('image/gif'), zip), ['image/gif', 'application/zip']],
  ['GIF + JAR', join(image('image/gif'), zip, text('META-INF/MANIFEST.MF')), ['image/gif', 'application/java-archive']],
  ['JPEG + ZIP', join(image('image/jpeg'), zip), ['image/jpeg', 'application/zip']],
  ['JPEG + HTML', join(image('image/jpeg'), text(script)), ['image/jpeg', 'text/html']],
  ['JPEG + JavaScript', text(`\xff\xd8\xff\xe0\x2f\x2aJFIF*/=alert(1);/*`), ['image/jpeg', 'text/javascript']],
  ['JPEG + PDF', join(image('image/jpeg'), text(pdf)), ['image/jpeg', 'application/pdf']],
  ['PNG + HTML', join(image('image/png'), text(script)), ['image/png', 'text/html']],
  ['PNG + ZIP', join(image('image/png'), zip), ['image/png', 'application/zip']],
  ['PNG + PHP', join(image('image/png'), text('<?php ?>')), ['image/png', 'application/octet-stream']],
  ['PNG + SVG', join(image('image/png'), text(svg)), ['image/png', 'image/svg+xml']],
  ['PDF + HTML', text(`${pdf}${script}`), ['application/pdf', 'text/html']],
  ['HTML + PDF', text(`${script}${pdf}`), ['text/html', 'application/pdf']],
  ['PDF + JavaScript', text(`${pdf}*/alert(1)//`), ['application/pdf', 'text/javascript']],
  ['PDF + ZIP', join(text(pdf), zip), ['application/pdf', 'application/zip']],
  ['WebP + JavaScript', join(riff('WEBP'), text('=1;alert(1)')), ['image/webp', 'text/javascript']],
  ['WebP + HTML', join(image('image/webp'), text(script)), ['image/webp', 'text/html']],
  ['WAV + JavaScript', join(riff('WAVE'), text('/*fmt */=1;alert(1)')), ['audio/wav', 'text/javascript']],
  ['MP4 + HTML', join(image('video/mp4'), text(script)), ['video/mp4', 'text/html']],
  ['WebM + HTML', join(image('video/webm'), text(script)), ['video/webm', 'text/html']],
  ['BMP + JavaScript', text('BM/*\0\0\0\0\0\0*/=1;alert(1)'), ['image/bmp', 'text/javascript']],
  ['ICO + HTML', join(text('\0\0\x01\0\x01\0'), text(script)), ['image/x-icon', 'text/html']],
  ['SVG', text(svg), ['image/svg+xml', 'text/xml']],
  ['SVG + XInclude', text(`<?xml version="1.0"?>${svg}<xi:include href="file:///etc/passwd"/>`), ['image/svg+xml']],
  [
    'XHTML',
    text(`<html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`),
    ['application/xhtml+xml', 'text/plain'],
  ],
  ['UTF-7 HTML', text('+ADw-script+AD4-alert(1)+ADw-/script+AD4-'), ['text/html', 'text/plain']],
  ['UTF-16 HTML', Buffer.from(`\ufeff${script}`, 'utf16le'), ['text/html', 'text/plain']],
  ['EXE called PNG', program, ['image/png', 'image/jpg']],
  [
    'MHTML',
    text('MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<script>'),
    ['multipart/related', 'message/rfc822'],
  ],
  ['Flash', text('CWS\x0a\0\0\0\0'), ['application/x-shockwave-flash', 'image/png']],
  ['CSS', text('{}*{background:url(//evil.example)}'), ['text/css', 'image/gif']],
]

function expectWhole({ headers }: Response, cid: string, what: string): void {
  expect(headers.get('content-security-policy'), what).toBe("default-src 'none'; frame-ancestors 'none'; sandbox")
  expect(headers.get('x-content-type-options'), what).toBe('nosniff')
  expect(headers.get('content-disposition'), what).toBe(`attachment; filename="${cid}"`)
  expect(headers.get('cross-origin-resource-policy'), what).toBe('cross-origin')
}

describe.each(['declared', 'sniffed'] as const)('a file of two types, under the policy %s', (mimePolicy) => {
  test('has no header relaxed by any of its types', async () => {
    const { blobs, publish } = await openPlace({ limits: { mimePolicy } })
    const handler = createBlobHandler(blobs, tokens)
    let served = 0
    for (const [name, bytes, types] of polyglots) {
      for (const type of types) {
        const own = join(bytes, text(`\n${type}`)) // another blob, since the first type of a blob is kept
        const cid = await publish(alice, own, type).catch(() => null)
        if (cid === null) continue // refused: a type that the bytes do not have
        served += 1
        const url = `http://pds.example${query(xrpc.get, { did: alice, cid })}`
        const requests: RequestInit[] = [
          {},
          { method: 'HEAD' },
          { headers: { range: 'bytes=0-3' } },
          { headers: { 'if-none-match': `"${cid}"` } },
        ]
        for (const init of requests) {
          const response = await handler(new Request(url, init))
          expectWhole(response, cid, `${name} as ${type}`)
          const stored = response.headers.get('content-type') ?? ''
          if (mimePolicy === 'declared' && response.status !== 304) expect(stored, name).toBe(type)
          if (name === 'EXE called PNG' && mimePolicy === 'sniffed') expect(stored).not.toMatch(/^image/)
          await response.arrayBuffer()
        }
      }
    }
    expect(served).toBeGreaterThan(mimePolicy === 'declared' ? 60 : 40)
  })
})

test('a program, a page or a drawing is accepted by the default limits under no declared type', async () => {
  const { blobs } = await openPlace({ limits: { accept: undefined, mimePolicy: undefined } })
  const hostile = polyglots.filter(([name]) => /^(EXE|SVG|XHTML|UTF|HTML|PDF|MHTML|CSS)/.test(name))
  const wanted = ['image/png', 'image/jpeg', 'image/svg+xml', 'text/html', 'application/octet-stream', 'video/mp4']
  const taken: string[] = []
  for (const [name, bytes] of hostile) {
    for (const mimeType of [...wanted, undefined]) {
      await blobs.upload(alice, bytes, { mimeType }).then(
        () => taken.push(`${name} as ${mimeType}`),
        (error) => expect(error.code).toBe('InvalidMimeType'),
      )
    }
  }
  expect(taken).toEqual([])
})
