import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { sniffMimeType } from '../../src/blob/sniff.ts'
import { files, program } from '../blob/samples.ts'
import { type Fuzzer, promise } from './fuzzer.ts'
import { mutateBytes } from './mutations.ts'

const media = join(import.meta.dirname, '../fixtures/media')

function zipOf(name: string, content: Uint8Array, size: number): Uint8Array {
  const header = Buffer.alloc(30)
  header.write('PK\x03\x04', 'latin1')
  header.writeUInt16LE(8, 8)
  header.writeUInt32LE(content.length, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, Buffer.from(name), content])
}

/** How files begin: real ones, and those that hung or filled file-type before. */
const seeds: readonly Uint8Array[] = [
  ...readdirSync(media).map((name) => new Uint8Array(readFileSync(join(media, name)).subarray(0, 4200))),
  ...Object.values(files),
  program,
  gzipSync(Buffer.alloc(100_000)),
  // CVE-2022-36313: Matroska elements without an end
  Buffer.concat([Buffer.from('1a45dfa301ffffffffffffff', 'hex'), Buffer.alloc(300, 0x80)]),
  // CVE-2026-31808: ASF objects without a length
  Buffer.concat([Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'), Buffer.alloc(300)]),
  // CVE-2026-32630: a ZIP whose part unpacks to more than it says
  zipOf('[Content_Types].xml', deflateRawSync(Buffer.alloc(1_000_000)), 0xffffffff),
  // a type that file-type gives with a parameter
  Buffer.concat([Buffer.from('OggS\0\x02', 'latin1'), Buffer.alloc(22), Buffer.from('OpusHead'), Buffer.alloc(100)]),
  zipOf('mimetype', Buffer.from('application/epub+zip'), 20),
  // other containers: ID3 with a length, RIFF, TIFF, PNG chunks, Ogg, tar, MPEG, ICC, XML, CFB, Mach-O, ELF
  ...[
    'ID3\x04\0\0\x7f\x7f\x7f\x7f',
    'RIFF\xff\xff\xff\x7fWAVE',
    'II*\0\x08\0\0\0\xff\xff',
    'MM\0*\0\0\0\x08',
    'OggS\0\x02',
  ].map((text) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(200, 0xff)])),
  ...['<?xml version="1.0"?><svg/>', '\xff\xfe<\0?\0x\0', '%PDF-1.7\n', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'ftyp'].map(
    (text) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(600)]),
  ),
]

const sniff: Fuzzer = {
  name: 'sniff',
  make(random) {
    const seed = random.pick(seeds)
    const bytes = random.chance(0.01) ? random.bytes(random.int(4200)) : mutateBytes(random, seed)
    return {
      input: bytes,
      async check() {
        const type = await sniffMimeType(bytes)
        promise(type === null || /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(type), `the type ${type}`)
      },
    }
  },
}

export const sniffing: readonly Fuzzer[] = [sniff]
