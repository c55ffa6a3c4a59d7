import { expect, test } from 'vitest'
import { defaultAccept, matchesAccept, octetStream } from '../../src/blob/mime.ts'
import { effectiveMimeType, type MimePolicy } from '../../src/blob/mime-policy.ts'
import { sniffMimeType } from '../../src/blob/sniff/sniff.ts'
import { isBlobStoreError } from '../../src/errors.ts'
import { files, program } from './samples.ts'

function effective(declared: string | null, sniffed: string | null, policy: MimePolicy): string {
  try {
    return effectiveMimeType({ declared, sniffed, policy })
  } catch (error) {
    if (isBlobStoreError(error, 'InvalidMimeType')) return 'refused'
    throw error
  }
}

const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const docm = 'application/vnd.ms-word.document.macroenabled.12'
const zip = 'application/zip'
const exe = 'application/x-msdownload'

// declared, sniffed, and what is stored under sniffed, agree and declared
const table: [string | null, string | null, string, string, string][] = [
  // they agree
  ['image/png', 'image/png', 'image/png', 'image/png', 'image/png'],
  ['Image/PNG; x=y', 'image/png', 'image/png', 'image/png', 'image/png'],
  ['video/webm;codecs=vp8', 'video/webm', 'video/webm', 'video/webm', 'video/webm'],
  // they do not
  ['image/png', 'image/jpeg', 'image/jpeg', 'refused', 'image/png'],
  ['image/png', exe, exe, 'refused', 'image/png'],
  ['image/jpg', exe, exe, 'refused', 'image/jpg'],
  ['text/plain', 'image/png', 'image/png', 'refused', 'text/plain'],
  ['video/mp4', 'video/quicktime', 'video/quicktime', 'refused', 'video/mp4'],
  ['video/quicktime', 'video/mp4', 'video/mp4', 'refused', 'video/quicktime'],
  ['application/pdf', zip, zip, 'refused', 'application/pdf'],
  // nothing was declared
  [null, 'image/png', 'image/png', 'refused', octetStream],
  [octetStream, 'image/png', 'image/png', 'refused', octetStream],
  ['*/*', 'image/png', 'image/png', 'refused', octetStream],
  ['image/*', 'image/png', 'image/png', 'refused', octetStream],
  // nothing was sniffed, and should have been
  ['image/png', null, 'refused', 'refused', 'image/png'],
  ['image/jpg', null, 'refused', 'refused', 'image/jpg'],
  ['image/apng', null, 'refused', 'refused', 'image/apng'],
  ['video/mp4', null, 'refused', 'refused', 'video/mp4'],
  ['audio/webm', null, 'refused', 'refused', 'audio/webm'],
  [docx, null, 'refused', 'refused', docx],
  // nothing was sniffed, which proves nothing
  ['text/plain', null, 'text/plain', 'refused', 'text/plain'],
  ['text/html; charset=utf-8', null, 'text/html', 'refused', 'text/html'],
  ['text/vtt', null, 'text/vtt', 'refused', 'text/vtt'],
  ['image/svg+xml', null, 'image/svg+xml', 'refused', 'image/svg+xml'],
  ['image/tiff', null, 'image/tiff', 'refused', 'image/tiff'],
  ['audio/mpeg', null, 'audio/mpeg', 'refused', 'audio/mpeg'],
  ['x-own/format', null, 'x-own/format', 'refused', 'x-own/format'],
  // nothing is known at all
  [null, null, octetStream, 'refused', octetStream],
  [octetStream, null, octetStream, 'refused', octetStream],
  ['*/*', null, octetStream, 'refused', octetStream],
  // the sniffer finds a related type
  ['image/png', 'image/apng', 'image/png', 'image/png', 'image/png'],
  ['image/apng', 'image/png', 'image/apng', 'image/apng', 'image/apng'],
  ['video/mp4', 'video/x-m4v', 'video/mp4', 'video/mp4', 'video/mp4'],
  ['video/x-m4v', 'video/mp4', 'video/x-m4v', 'video/x-m4v', 'video/x-m4v'],
  ['audio/mp4', 'video/mp4', 'audio/mp4', 'audio/mp4', 'audio/mp4'],
  ['audio/mp4', 'audio/x-m4a', 'audio/mp4', 'audio/mp4', 'audio/mp4'],
  ['audio/webm', 'video/webm', 'audio/webm', 'audio/webm', 'audio/webm'],
  ['image/heif', 'image/heic', 'image/heif', 'image/heif', 'image/heif'],
  ['video/ogg', 'audio/ogg', 'video/ogg', 'video/ogg', 'video/ogg'],
  ['image/svg+xml', 'application/xml', 'image/svg+xml', 'image/svg+xml', 'image/svg+xml'],
  ['application/epub+zip', zip, 'application/epub+zip', 'application/epub+zip', 'application/epub+zip'],
  [docx, zip, docx, docx, docx],
  [docm, docx, docm, docm, docm],
  ['application/msword', 'application/x-cfb', 'application/msword', 'application/msword', 'application/msword'],
  // but not a relative of a relative, nor the reverse
  [docx, 'application/java-archive', 'application/java-archive', 'refused', docx],
  [zip, docx, docx, 'refused', zip],
  [zip, 'application/java-archive', 'application/java-archive', 'refused', zip],
  ['video/webm', 'video/matroska', 'video/matroska', 'refused', 'video/webm'],
  // another name of the same type
  ['image/jpg', 'image/jpeg', 'image/jpeg', 'image/jpeg', 'image/jpg'],
  ['audio/x-wav', 'audio/wav', 'audio/wav', 'audio/wav', 'audio/x-wav'],
  ['audio/m4a', 'video/mp4', 'audio/x-m4a', 'audio/x-m4a', 'audio/m4a'],
  ['video/x-matroska', 'video/matroska', 'video/matroska', 'video/matroska', 'video/x-matroska'],
  ['audio/x-wav', null, 'refused', 'refused', 'audio/x-wav'],
  ['audio/mp3', null, 'audio/mpeg', 'refused', 'audio/mp3'],
  ['text/xml', null, 'application/xml', 'refused', 'text/xml'],
  ['application/javascript', null, 'text/javascript', 'refused', 'application/javascript'],
  // a name for any type
  ['binary/octet-stream', null, octetStream, 'refused', 'binary/octet-stream'],
  ['binary/octet-stream', 'image/png', 'image/png', 'refused', 'binary/octet-stream'],
  ['application/x-www-form-urlencoded', 'image/png', 'image/png', 'refused', 'application/x-www-form-urlencoded'],
  ['multipart/form-data; boundary=x', null, octetStream, 'refused', 'multipart/form-data'],
  // archives contain what no table can name, but nothing that has a mark of its own, and no text
  ['application/wacz', zip, 'application/wacz', 'application/wacz', 'application/wacz'],
  ['model/vnd.own', zip, 'model/vnd.own', 'model/vnd.own', 'model/vnd.own'],
  ['image/png', zip, zip, 'refused', 'image/png'],
  ['image/x-own', zip, zip, 'refused', 'image/x-own'],
  ['application/wasm', zip, zip, 'refused', 'application/wasm'],
  ['application/json', zip, zip, 'refused', 'application/json'],
  ['application/vnd.own+json', zip, zip, 'refused', 'application/vnd.own+json'],
  [octetStream, zip, zip, 'refused', octetStream],
  // a mark of two bytes proves nothing against a type that has none; it does against one that has, and against text
  [
    'application/x-age-encryption',
    'audio/mpeg',
    'application/x-age-encryption',
    'refused',
    'application/x-age-encryption',
  ],
  ['application/zlib', 'application/x-apple-diskimage', 'application/zlib', 'refused', 'application/zlib'],
  ['image/png', 'audio/mpeg', 'audio/mpeg', 'refused', 'image/png'],
  ['text/plain', 'audio/mpeg', 'audio/mpeg', 'refused', 'text/plain'],
  ['application/x-own', exe, exe, 'refused', 'application/x-own'],
  // malformed: declares nothing
  ['png', 'image/png', 'image/png', 'refused', octetStream],
  ['', null, octetStream, 'refused', octetStream],
  ['image/png\r\nx: y', 'image/png', 'image/png', 'refused', octetStream],
  ['image/png, image/png', 'image/png', 'image/png', 'refused', octetStream],
  [`image/${'x'.repeat(128)}`, null, octetStream, 'refused', octetStream],
]

test('the stored type follows from the declared and the sniffed one as the policy says', () => {
  const results = table.map(([declared, sniffed]) => [
    declared,
    sniffed,
    effective(declared, sniffed, 'sniffed'),
    effective(declared, sniffed, 'agree'),
    effective(declared, sniffed, 'declared'),
  ])
  expect(results).toEqual(table)
})

test('a program named .png is stored under no type that is accepted by default, unless sniffing is off', async () => {
  const sniffed = await sniffMimeType(program)
  expect(matchesAccept(effective('image/png', sniffed, 'sniffed'), defaultAccept)).toBe(false)
  expect(effective('image/png', sniffed, 'agree')).toBe('refused')
  expect(effective('image/png', sniffed, 'declared')).toBe('image/png')
})

test('real files are stored under their real types by every policy', async () => {
  for (const [type, bytes] of Object.entries(files)) {
    const sniffed = await sniffMimeType(bytes)
    expect([
      effective(type, sniffed, 'sniffed'),
      effective(type, sniffed, 'agree'),
      effective(null, sniffed, 'sniffed'),
    ]).toEqual([type, type, type])
  }
})

test('an error says what was declared and what to do', () => {
  expect(() => effectiveMimeType({ declared: 'image/png', sniffed: null, policy: 'sniffed' })).toThrow(
    'Refused the blob: the bytes are not image/png; declare their type, or none',
  )
  expect(() => effectiveMimeType({ declared: 'image/png', sniffed: exe, policy: 'agree' })).toThrow(
    'Refused the blob: it was declared as image/png, but the bytes are application/x-msdownload',
  )
})
