import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { effectiveMimeType } from '../../../src/blob/mime-policy.ts'
import { sniffHead } from '../../../src/blob/sniff/sniff.ts'
import { isBlobStoreError } from '../../../src/errors.ts'
import { aac, big, box, ftyp, joined, little, mp3, noise, riff, tagged, tar } from '../../blob/media-builders.ts'
import { files, program } from '../../blob/samples.ts'
import { type Fuzzer, promise } from './fuzzer.ts'
import { mutateBytes } from './mutations.ts'

const media = join(import.meta.dirname, '../../fixtures/media')

function zipOf(name: string, content: Uint8Array, size: number): Uint8Array {
  const header = Buffer.alloc(30)
  header.write('PK\x03\x04', 'latin1')
  header.writeUInt16LE(8, 8)
  header.writeUInt32LE(content.length, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, Buffer.from(name), content])
}

/** How files begin: real ones, and those that once hung file-type or filled its memory. */
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
  // what this library reads: brands, boxes, tags, frames, checksums
  ...['qt  ', '3gp4', 'mif1', 'avis'].map((brand) => ftyp(brand, 'isom', 'mp42', 'heic', 'avif')),
  joined(box('skip', noise(30)), box('free'), big(1), 'wide', big(0), big(24), noise(8), box('moov', noise(300))),
  joined(box('jP  ', '\r\n\x87\n'), ftyp('jph ', 'jp2 ')),
  tagged(300, tagged(20, mp3(3))),
  tagged(0xfffffff),
  mp3(5),
  aac(9),
  tar('ustar  '),
  tar(''),
  riff('WAVEfmt ', 'RF64'),
  joined('\x50\x2a\x4d\x18', little(9), noise(9), '\x28\xb5\x2f\xfd', noise(90)),
  joined('\x1b%-12345X@PJL\n', noise(300), '\n%PDF-1.7\n', noise(900)),
]

const claims = [
  'image/png',
  'text/plain',
  'audio/flac',
  'video/mp4',
  'application/x-own',
  'image/svg+xml',
  '*/*',
  'none',
]

const sniff: Fuzzer = {
  name: 'sniff',
  make(random) {
    const seed = random.pick(seeds)
    const bytes = random.chance(0.01) ? random.bytes(random.below(4200)) : mutateBytes(random, seed)
    const declared = random.pick(claims)
    return {
      input: { bytes, declared },
      async check() {
        const seen = await sniffHead(bytes)
        for (const type of [...seen.also, ...(seen.sniffed === null ? [] : [seen.sniffed])]) {
          promise(/^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(type), `the type ${type}`)
        }
        try {
          const stored = effectiveMimeType({ declared, policy: 'sniffed', ...seen })
          if (stored === 'image/png')
            promise(seen.sniffed?.endsWith('png') === true, `${seen.sniffed} that is called a PNG`)
          if (stored === 'text/plain')
            promise(seen.isText || seen.sniffed === null, `${seen.sniffed} that is called text`)
        } catch (error) {
          promise(isBlobStoreError(error, 'InvalidMimeType'), 'its code')
        }
      },
    }
  },
}

export const sniffing: readonly Fuzzer[] = [sniff]
