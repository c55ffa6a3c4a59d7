import { expect, test } from 'vitest'
import { snifferSpelling } from '../../src/blob/mime-aliases.ts'
import { effectiveMimeType, type MimePolicy } from '../../src/blob/mime-policy.ts'
import { headLength, sniffHead } from '../../src/blob/sniff/sniff.ts'
import { isBlobStoreError } from '../../src/errors.ts'
import { aac, big, box, ftyp, joined, little, mp3, noise, raw, riff, tagged, tar, zip } from './media-builders.ts'
import { program } from './samples.ts'

// Every form that valid files of a format have, and that sniffing by one mark misses. Each row: a name, the bytes,
// their type when nothing is declared, what else may be declared, and the result for other declarations.

type Row = [form: string, bytes: Uint8Array, type: string | null, also?: string, others?: Record<string, string>]

const refused = 'refused'
const none = 'application/octet-stream'

async function stored(bytes: Uint8Array, declared: string | null, policy: MimePolicy): Promise<string> {
  try {
    return effectiveMimeType({ declared, policy, ...(await sniffHead(bytes.subarray(0, headLength))) })
  } catch (error) {
    if (isBlobStoreError(error, 'InvalidMimeType')) return refused
    throw error
  }
}

/** All rows at once, so that a failure shows each that is wrong. */
async function check(rows: readonly Row[]): Promise<void> {
  const seen: Record<string, string> = {}
  const wanted: Record<string, string> = {}
  const see = async (form: string, bytes: Uint8Array, declared: string | null, policy: MimePolicy, want: string) => {
    const what = `${form}, declared ${declared ?? 'nothing'}, ${policy}`
    seen[what] = await stored(bytes, declared, policy)
    wanted[what] = want
  }
  for (const [form, bytes, type, also = '', others = {}] of rows) {
    await see(form, bytes, null, 'sniffed', type ?? none)
    for (const declared of [...(type === null ? [] : [type]), ...also.split(' ').filter(Boolean)]) {
      await see(form, bytes, declared, 'sniffed', snifferSpelling(declared))
      await see(form, bytes, declared, 'agree', snifferSpelling(declared))
      await see(form, bytes, declared, 'declared', declared)
    }
    for (const [declared, want] of Object.entries(others)) {
      await see(form, bytes, declared, 'sniffed', want)
      await see(form, bytes, declared, 'agree', refused)
    }
  }
  expect(seen).toEqual(wanted)
}

test('the brands of a picture decide: the major one first, a more exact one where it is general', async () => {
  const heif = { 'video/mp4': 'image/heic', 'image/png': 'image/heic', 'image/avif': 'image/heic' }
  await check([
    ...['heic', 'heix', 'heim', 'heis'].map(
      (brand): Row => [brand, ftyp(brand, 'mif1', brand), 'image/heic', 'image/heif', heif],
    ),
    ...['hevc', 'hevx', 'hevm', 'hevs'].map(
      (brand): Row => [brand, ftyp(brand, 'msf1', brand, 'iso8'), 'image/heic-sequence', 'image/heif-sequence'],
    ),
    ['avif', ftyp('avif', 'mif1', 'miaf', 'MA1B'), 'image/avif', 'image/heif', { 'image/heic': 'image/avif' }],
    ['avis', ftyp('avis', 'avif', 'msf1', 'iso8', 'mif1', 'miaf'), 'image/avif', 'image/avif-sequence'],
    [
      'AVIF under mif1',
      ftyp('mif1', 'mif1', 'avif', 'miaf'),
      'image/avif',
      'image/heif',
      { 'video/mp4': 'image/avif' },
    ],
    ['AVIF under miaf', ftyp('miaf', 'mif1', 'avif'), 'image/avif', 'image/heif'],
    ['AVIF under mif2', ftyp('mif2', 'mif1', 'avif'), 'image/avif', 'image/heif'],
    ['AVIF under msf1', ftyp('msf1', 'mif1', 'avis', 'iso8'), 'image/avif', 'image/heif-sequence'],
    ['HEIC under mif1', ftyp('mif1', 'mif1', 'heic'), 'image/heic', 'image/heif'],
    ['HEIC under mif1, with a sequence', ftyp('mif1', 'msf1', 'hevc', 'heic'), 'image/heic', 'image/heif'],
    ['a sequence under msf1', ftyp('msf1', 'mif1', 'heic', 'hevc'), 'image/heic-sequence', 'image/heif-sequence'],
    ['HEIF of an unknown kind', ftyp('mif1', 'mif1', 'xxxx'), 'image/heif', 'image/heic image/avif'],
    ['mif2 alone', ftyp('mif2'), 'image/heif', 'image/heic', { 'video/mp4': 'image/heif' }],
    ['JPEG in HEIF', ftyp('jpeg', 'mif1'), 'image/heif', '', { 'video/mp4': 'image/heif' }],
    ['AVC in HEIF', ftyp('avci', 'mif1', 'avci'), 'image/avci', 'image/heif'],
    ['an unknown brand of pictures', ftyp('abcd', 'mif1', 'heic'), 'image/heic', 'image/heif'],
    ['a profile of AVIF', ftyp('mif1', 'mif1', 'MA1B'), 'image/avif', 'image/heif'],
    ['Canon', ftyp('crx ', 'crx ', 'isom'), 'image/x-canon-cr3'],
  ])
})

test('the brands of a video decide, and any of its brands may be declared', async () => {
  await check([
    ['isom', ftyp('isom', 'isom', 'iso2', 'mp41'), 'video/mp4', 'audio/mp4 audio/m4a video/x-m4v video/mpeg4'],
    ...['mp41', 'mp42', 'iso5', 'isoc', 'avc1', 'dash', 'MSNV', 'cmfc', 'ABCD', 'M4P ', 'F4V '].map(
      (brand): Row => [brand, ftyp(brand), 'video/mp4', 'audio/mp4'],
    ),
    [
      'Android',
      ftyp('3gp4', 'isom', 'mp41', 'mp42'),
      'video/mp4',
      'video/3gpp audio/3gpp audio/mp4 audio/m4a',
      { 'video/3gpp2': 'video/mp4', 'video/quicktime': 'video/mp4' },
    ],
    ['3GPP alone', ftyp('3gp5', '3gp5', '3gp4'), 'video/3gpp', 'audio/3gpp video/3gp', { 'video/mp4': 'video/3gpp' }],
    ['3GPP2 alone', ftyp('3g2a', '3g2a'), 'video/3gpp2', 'audio/3gpp2', { 'video/mp4': 'video/3gpp2' }],
    ['QuickTime', ftyp('qt  ', 'qt  '), 'video/quicktime', 'video/mov', { 'video/mp4': 'video/quicktime' }],
    ['QuickTime that is MP4', ftyp('qt  ', 'qt  ', 'mp42', 'isom'), 'video/quicktime', 'video/mp4 audio/mp4'],
    ['MP4 that is QuickTime', ftyp('mp42', 'isom', 'qt  '), 'video/mp4', 'video/quicktime'],
    ['M4A', ftyp('M4A ', 'mp42', 'isom'), 'audio/x-m4a', 'audio/m4a audio/mp4', { 'video/mp4': 'audio/x-m4a' }],
    ['M4B', ftyp('M4B ', 'isom'), 'audio/mp4', 'audio/m4a audio/x-m4b'],
    ['M4V', ftyp('M4V ', 'isom', 'mp42'), 'video/x-m4v', 'video/mp4'],
    [
      'a brand of documents',
      ftyp('odcf'),
      'video/mp4',
      'application/vnd.oma.drm.dcf video/vnd.dece.hd',
      { 'video/x-own': 'video/mp4', 'application/pdf': 'video/mp4', 'application/json': 'video/mp4' },
    ],
    ['a brand with zeros', ftyp('qt\0\0'), 'video/quicktime'],
  ])
})

test('a video without brands is recognized by its first boxes, after those without meaning', async () => {
  const old = { 'video/mp4': 'video/quicktime', 'image/png': 'video/quicktime' }
  const moov = box('moov', box('mvhd', noise(100)))
  await check([
    ...['skip', 'free', 'wide', 'pnot', 'junk', 'uuid', 'PICT'].map(
      (kind): Row => [
        `${kind} first`,
        joined(box(kind, noise(16)), box('mdat', noise(30))),
        'video/quicktime',
        '',
        old,
      ],
    ),
    ['moov first', moov, 'video/quicktime', '', old],
    ['mdat first', box('mdat', noise(30)), 'video/quicktime', '', old],
    ['mdat with a length of 64 bits', joined(big(1), 'mdat', big(1), big(0), noise(30)), 'video/quicktime', '', old],
    ['nothing but skip in the head', box('skip', new Uint8Array(5000)), 'video/quicktime', '', old],
    ['free, then brands', joined(box('free'), ftyp('mp42', 'isom')), 'video/mp4', 'audio/mp4'],
    ['a segment', box('styp', 'msdh', big(0), 'msdh', 'msix'), 'video/mp4', 'audio/mp4 video/iso.segment'],
    ...['sidx', 'moof', 'emsg', 'prft'].map(
      (kind): Row => [`a fragment, ${kind} first`, joined(box(kind, noise(16)), box('mdat')), 'video/mp4', 'audio/mp4'],
    ),
  ])
})

test('impossible box lengths break nothing', async () => {
  const brands = joined('ftyp', 'isom', big(0), 'mp42', noise(40))
  await check([
    ['the greatest length', joined(big(0xffffffff), brands), 'video/mp4'],
    ['no length', joined(big(0), brands), 'video/mp4'],
    ['a length of 64 bits', joined(big(1), 'ftyp', big(0xffffffff), big(0xffffffff), 'mp42', noise(40)), 'video/mp4'],
    ['a length below the header', joined(big(3), brands), 'video/mp4'],
    ['brands that are cut off', raw('\0\0\0\x20ftyp'), null, '', { 'video/mp4': refused, 'image/png': refused }],
    ['boxes without end', joined(...Array.from({ length: 500 }, () => box('free'))), 'video/quicktime'],
    ['brands behind the box', joined(box('ftyp', 'mif1', big(0)), 'avifavif', noise(20)), 'image/heif', '', {}],
    ['a box within its own header', joined(big(4), 'free', 'moof', noise(20)), 'video/quicktime'],
    ['a length of 64 bits that is 0', joined(big(1), 'free', big(0), big(0), noise(20)), 'video/quicktime'],
    ['boxes that go nowhere', joined(big(3), 'free', big(3), 'free'), 'video/quicktime'],
  ])
})

test('JPEG 2000 is recognized by its brand after the signature', async () => {
  const signature = box('jP  ', '\r\n\x87\n')
  const of = (brand: string) => joined(signature, ftyp(brand))
  await check([
    ['jp2', of('jp2 '), 'image/jp2', 'image/jpeg2000'],
    ['jph', of('jph '), 'image/jph', '', { 'image/jp2': 'image/jph' }],
    ['jpx that is jp2', joined(signature, ftyp('jpx ', 'jp2 ')), 'image/jpx', 'image/jp2'],
    ['jpm', of('jpm '), 'image/jpm'],
    ['mjp2', of('mjp2'), 'image/mj2'],
    ['an unknown brand', of('abcd'), null, 'image/jp2 image/jpx', { 'video/mp4': refused, 'image/png': refused }],
  ])
})

test('a PDF is recognized wherever in the first 1024 bytes its header is', async () => {
  const pdf = joined('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n', noise(40))
  const others = { 'image/png': 'application/pdf', 'application/zip': 'application/pdf' }
  await check([
    ['at once', pdf, 'application/pdf', 'application/x-pdf application/illustrator', others],
    ['behind a byte order mark', joined('\xef\xbb\xbf', pdf), 'application/pdf', '', others],
    ['behind a line feed', joined('\n', pdf), 'application/pdf', '', others],
    ['behind headers of HTTP', joined('HTTP/1.1 200 OK\r\nServer: x\r\n\r\n', pdf), 'application/pdf', '', others],
    ["behind a printer's commands", joined('\x1b%-12345X@PJL\r\n', pdf), 'application/pdf', '', others],
    ['behind 1000 zeros', joined(new Uint8Array(1000), pdf), 'application/pdf', '', others],
    ['calling itself PostScript', raw('%!PS-Adobe-3.0 PDF-1.4\n\x80'), 'application/pdf'],
    ['in ASCII', raw('\n%PDF-1.4\n1 0 obj\n'), 'application/pdf', '', { 'text/plain': 'text/plain' }],
    ['too late', joined(new Uint8Array(1200), pdf), null, '', { 'application/pdf': refused }],
    ['only spoken of', raw('The header is %PDF-1.4, they say'), null, '', { 'application/pdf': refused }],
  ])
})

test('sounds are recognized by more than one beginning', async () => {
  const flac = joined('fLaC\0\0\0\x22', noise(40))
  await check([
    ...['RIFF', 'RF64', 'BW64', 'RIFX'].map(
      (kind): Row => [kind, riff('WAVEfmt ', kind), 'audio/wav', 'audio/x-wav audio/vnd.wave audio/wave'],
    ),
    ['MIDI in RIFF', riff('RMIDdata'), 'audio/midi', 'audio/x-midi'],
    ['MP3', mp3(4), 'audio/mpeg', 'audio/mp3', { 'audio/flac': 'audio/mpeg', 'image/png': 'audio/mpeg' }],
    ['MP3 shorter than a frame', raw('\xff\xfb\x90\x64\0'), 'audio/mpeg'],
    ['AAC', aac(4), 'audio/aac', 'audio/aacp audio/x-aac'],
    ['MP3 behind a tag', tagged(500, mp3(4)), 'audio/mpeg', 'audio/mp3', { 'audio/flac': 'audio/mpeg' }],
    ['FLAC behind a tag', tagged(500, flac), 'audio/flac', 'audio/x-flac', { 'audio/mpeg': 'audio/flac' }],
    ['FLAC behind two tags and zeros', tagged(50, tagged(50, new Uint8Array(9), flac)), 'audio/flac', ''],
    ['AAC behind a tag', tagged(500, aac(4)), 'audio/aac', '', { 'audio/mpeg': 'audio/aac' }],
    [
      'a tag longer than the head',
      tagged(9000, flac),
      'audio/mpeg',
      'audio/flac audio/x-flac audio/aac audio/mp3',
      { 'image/png': 'audio/mpeg', 'audio/wav': 'audio/mpeg', 'application/pdf': 'audio/mpeg' },
    ],
    ['a tag that claims 256 MB', tagged(0xfffffff), 'audio/mpeg', 'audio/flac', { 'image/png': 'audio/mpeg' }],
    [
      'a program behind a tag',
      tagged(50, program),
      'application/x-msdownload',
      '',
      { 'audio/mpeg': 'application/x-msdownload' },
    ],
    [
      'pictures in an IFF',
      joined('FORM', big(40), 'ILBM', noise(40)),
      null,
      '',
      { 'image/x-ilbm': 'image/x-ilbm', 'audio/aiff': refused },
    ],
    ['AIFC', joined('FORM', big(40), 'AIFC', noise(40)), 'audio/aiff', 'audio/x-aiff'],
    ['wide-band AMR', raw('#!AMR-WB\n\x04\xff'), 'audio/amr', 'audio/amr-wb'],
    ["Monkey's Audio of floats", joined('MACF', noise(40)), 'audio/ape'],
    [
      'Opus',
      joined('OggS', new Uint8Array(24), 'OpusHead', noise(40)),
      'audio/ogg',
      'audio/opus video/ogg application/ogg',
    ],
    ['an Ogg that ends', raw('OggS\0\x02'), null, 'audio/ogg video/ogg audio/opus', { 'image/png': refused }],
    [
      'a Matroska file that does not say which',
      joined('\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01', noise(9)),
      null,
      'video/webm video/x-matroska audio/webm',
      { 'video/mp4': refused },
    ],
  ])
})

test('fonts are recognized in more than one flavour', async () => {
  const flavours = ['\0\x01\0\0', 'OTTO', 'true', 'typ1', 'ttcf']
  await check([
    ...flavours.flatMap((flavour): Row[] => [
      [`WOFF of ${flavour}`, joined('wOFF', flavour, noise(40)), 'font/woff', 'application/font-woff'],
      [`WOFF2 of ${flavour}`, joined('wOF2', flavour, noise(40)), 'font/woff2', 'application/font-woff2'],
    ]),
    ['TrueType', joined('\0\x01\0\0\0\x10', noise(40)), 'font/ttf', 'font/sfnt font/otf application/x-font-ttf'],
    ["Apple's TrueType", joined('true\0\x10', noise(40)), 'font/ttf', 'font/sfnt', { 'image/png': 'font/ttf' }],
    ['Type 1 in sfnt', joined('typ1\0\x10', noise(40)), 'font/ttf', 'font/sfnt'],
    ['OpenType', joined('OTTO\0\x10', noise(40)), 'font/otf', 'font/sfnt application/vnd.ms-opentype'],
    ['a collection', joined('ttcf', noise(40)), 'font/collection', 'font/sfnt'],
  ])
})

test('archives and captures are recognized in more than one form', async () => {
  const pcap = 'application/x-pcap application/x-pcapng'
  const capture = (mark: string): Row => [
    `pcap ${escape(mark)}`,
    joined(mark, '\x02\0\x04\0', noise(16)),
    'application/vnd.tcpdump.pcap',
    pcap,
  ]
  await check([
    ...['\xa1\xb2\xc3\xd4', '\xd4\xc3\xb2\xa1', '\xa1\xb2\x3c\x4d', '\x4d\x3c\xb2\xa1', '\xa1\xb2\xcd\x34'].map(
      capture,
    ),
    ['pcap-ng', raw('\n\r\r\n\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01'), 'application/vnd.tcpdump.pcap', pcap],
    [
      'pcap-ng, little end first',
      raw('\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0'),
      'application/vnd.tcpdump.pcap',
      pcap,
    ],
    [
      'Zstandard',
      joined('\x28\xb5\x2f\xfd', noise(20)),
      'application/zstd',
      'application/x-zstd application/x-blender',
    ],
    ['Zstandard of old', joined('\x25\xb5\x2f\xfd', noise(20)), 'application/zstd'],
    [
      'Zstandard behind a skippable frame',
      joined('\x50\x2a\x4d\x18', little(4), 'abcd\x28\xb5\x2f\xfd', noise(9)),
      'application/zstd',
      '',
      { 'application/x-lz4': 'application/zstd' },
    ],
    [
      'LZ4 behind two',
      joined('\x5f\x2a\x4d\x18', little(0), '\x51\x2a\x4d\x18', little(1), 'a\x04\x22\x4d\x18', noise(9)),
      'application/x-lz4',
      'application/lz4',
    ],
    [
      'a skippable frame without end',
      joined('\x50\x2a\x4d\x18', little(0xffffffff), noise(99)),
      'application/zstd',
      'application/x-lz4',
      { 'image/png': 'application/zstd' },
    ],
    ['LZ4 of old', joined('\x02\x21\x4c\x18', noise(20)), 'application/x-lz4'],
    ['cpio, new', raw('07070100000001'), 'application/x-cpio'],
    ['cpio, new with checksums', raw('07070200000001'), 'application/x-cpio'],
    ['cpio, odd', raw('0707070000010'), 'application/x-cpio'],
    ['cpio, binary', joined('\xc7\x71', noise(20)), 'application/x-cpio'],
    ['cpio, binary, the other end first', joined('\x71\xc7', noise(20)), 'application/x-cpio'],
    ...['ustar\x0000', 'ustar  \0', '', 'garbage'].map(
      (mark): Row => [`tar ${mark}`, tar(mark), 'application/x-tar', 'application/x-gtar'],
    ),
    ['an empty tar', new Uint8Array(10_240), null, 'application/x-tar', { 'image/png': refused }],
    ['a tar whose checksum is wrong', tar('').fill(0x61, 0, 3), null, '', { 'application/x-tar': refused }],
    ['ZIP in parts', joined('PK00PK\x03\x04', noise(40)), 'application/zip', 'application/java-archive'],
    ['an empty ZIP', joined('PK\x05\x06', new Uint8Array(18)), 'application/zip', 'application/epub+zip'],
    [
      'a ZIP that runs',
      joined('#!/usr/bin/env python3\n', zip('__main__.py')),
      'application/zip',
      'application/x-python-zipapp',
    ],
    ['RAR 1.4', raw('RE~^'), 'application/x-rar-compressed', 'application/vnd.rar'],
    ['thin ar', raw('!<thin>\n/               0'), 'application/x-unix-archive'],
    ...['FWS', 'CWS', 'ZWS'].map(
      (mark): Row => [
        mark,
        joined(mark, '\x0d', noise(9)),
        'application/x-shockwave-flash',
        'application/vnd.adobe.flash.movie',
      ],
    ),
  ])
})

test('documents and pictures of other ages, byte orders and vendors are recognized', async () => {
  const raws = 'image/x-adobe-dng image/dng image/x-canon-cr2 image/x-nikon-nef image/x-sony-arw image/x-pentax-pef'
  await check([
    [
      'PostScript',
      raw('%!PS-Adobe-3.0\n'),
      'application/postscript',
      'application/eps',
      { 'text/plain': 'text/plain', 'image/png': 'application/postscript' },
    ],
    ['PostScript without comments', raw('%!\n/x 1 def'), 'application/postscript'],
    ['PostScript behind ^D', raw('\x04%!PS-Adobe-3.0\n'), 'application/postscript'],
    [
      'PostScript in a print job',
      raw('\x1b%-12345X@PJL ENTER LANGUAGE=POSTSCRIPT\r\n%!PS-Adobe-3.0\n'),
      'application/postscript',
    ],
    ['EPS', raw('%!PS-Adobe-3.0 EPSF-3.0\n'), 'application/eps', 'application/postscript image/x-eps'],
    ['EPS with a preview', joined('\xc5\xd0\xd3\xc6', noise(40)), 'application/eps', 'application/postscript'],
    [
      'TIFF with its directory at the end',
      joined('II*\0', little(1e6), noise(40)),
      'image/tiff',
      raws,
      { 'image/png': 'image/tiff', 'image/svg+xml': 'image/tiff' },
    ],
    ['TIFF, the other end first', joined('MM\0*', big(1e6), noise(40)), 'image/tiff', raws],
    ['Olympus', joined('MMOR', noise(20)), 'image/x-olympus-orf'],
    ['Olympus, later', joined('IIRS', noise(20)), 'image/x-olympus-orf'],
    ['Panasonic, earlier', joined('IIU\0\x08\0\0\0', noise(20)), 'image/x-panasonic-rw2'],
    ['BMP', joined('BM', little(70), little(0), little(54), little(40), noise(40)), 'image/bmp', 'image/x-ms-bmp'],
    ['bitmaps of OS/2', joined('BA', little(40), little(0), little(0), 'BM', noise(20)), 'image/bmp'],
    ['no BMP', joined('BM', noise(40)), null, '', { 'image/bmp': refused, 'application/x-own': 'application/x-own' }],
    ['glTF 1', raw('glTF\x01\0\0\0\xff'), 'model/gltf-binary'],
    ['a fat program of 64 bits', raw('\xca\xfe\xba\xbf\0\0\0\x02'), 'application/x-mach-binary'],
    [
      'MXF behind a run-in',
      joined(noise(900), '\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02', noise(20)),
      'application/mxf',
    ],
    [
      'a book of PalmDOC',
      joined(new Uint8Array(60), 'TEXtREAd', noise(20)),
      'application/x-mobipocket-ebook',
      'application/vnd.amazon.ebook',
    ],
    ['an icon', raw('\0\0\x01\0\x01\0\x10\x10\0\0\x01\0'), 'image/x-icon', 'image/vnd.microsoft.icon image/ico'],
  ])
})

test('a valid archive keeps its declared type, unless that type has a mark of its own', async () => {
  const documents =
    'application/vnd.recordare.musicxml application/vnd.apple.pkpass application/wacz application/zip+dotlottie'
  const others = {
    'image/png': 'application/zip',
    'application/pdf': 'application/zip',
    'text/plain': 'application/zip',
    'application/json': 'application/zip',
    'audio/x-own': 'application/zip',
  }
  await check([
    [
      'ZIP',
      zip('META-INF/container.xml'),
      'application/zip',
      `${documents} application/epub+zip model/vnd.usdz+zip image/openraster`,
      others,
    ],
    [
      'JAR',
      zip('META-INF/MANIFEST.MF'),
      'application/java-archive',
      'application/vnd.android.package-archive application/x-war',
    ],
    [
      'gzip',
      joined('\x1f\x8b\x08', new Uint8Array(7), noise(20)),
      'application/gzip',
      'application/x-tgz application/x-gnumeric application/x-blender',
    ],
    ['xz', joined('\xfd7zXZ\0', noise(20)), 'application/x-xz', 'application/x-xz-compressed-tar'],
    [
      'SQLite',
      joined('SQLite format 3\0', noise(20)),
      'application/x-sqlite3',
      'application/geopackage+sqlite3 application/vnd.mapbox-mbtiles',
    ],
    [
      'CFB',
      joined('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', noise(20)),
      'application/x-cfb',
      'application/msword image/vnd.fpx application/vnd.ms-works',
    ],
    [
      'XML',
      raw('<?xml version="1.0"?><a/>'),
      'application/xml',
      'text/xml image/svg+xml application/rss+xml application/x-plist',
    ],
  ])
})

test('a declared text type is stored if the bytes are text, whatever their first letters', async () => {
  const starts = [
    'BMW fleet',
    'GIFs are fun',
    'SQLi cheat sheet',
    'MZ,name,age\n',
    "PARENTS' EVENING",
    'MAC users',
    'FORM 10-K',
  ]
  starts.push(
    'LZIP vs XZ',
    'ID3_TAG_SIZE = 10',
    'OTTO and wOFF',
    'solid advice',
    '%!TEX root',
    'fLaC or MP3',
    'FLIF',
    '8BPS',
    'MSCF',
  )
  starts.push(
    'Hi, free beer',
    'Get moov and mdat',
    'RIFF and WAVE',
    'xxxxftypisom',
    'PK\n',
    'ttcf',
    'Cr24',
    'DRACO',
    'BZh9',
    'MThd',
    'Rar!',
  )
  const text =
    'text/plain text/markdown text/csv text/x-python application/sql application/x-tex application/javascript'
  for (const start of starts) {
    const bytes = joined(start, ` and more, ${'é'.repeat(3000)}`.replace(/é/g, '\xc3\xa9'))
    for (const declared of text.split(' ')) {
      expect(await stored(bytes, declared, 'sniffed'), `${start} as ${declared}`).toBe(snifferSpelling(declared))
    }
    expect(await stored(bytes, null, 'sniffed'), start).toBe(none)
  }
  const marked = [
    '<?xml version="1.0"?>',
    'WEBVTT\n\n',
    'BEGIN:VCARD\r\n',
    'BEGIN:VCALENDAR\r\n',
    '{\\rtf1 hi}',
    '%!PS-Adobe-3.0\n',
  ]
  for (const start of [...marked, '-----BEGIN PGP MESSAGE-----\n']) {
    for (const declared of ['text/plain', 'text/markdown']) {
      expect(await stored(raw(start), declared, 'sniffed'), `${start} as ${declared}`).toBe(declared)
    }
  }
})

test('a mark that is not a word counts in text too, unless text is declared', async () => {
  const padding = ' and more'.repeat(9)
  await check([
    ['GIF', raw(`GIF89a${padding}`), 'image/gif', '', { 'image/png': 'image/gif', 'text/plain': 'text/plain' }],
    ['WebP', raw(`RIFFabcdWEBP${padding}`), 'image/webp', '', { 'image/png': 'image/webp' }],
    ['not quite', raw(`GIF88a${padding}`), null, '', { 'image/gif': refused }],
  ])
})

test('text is UTF-8, or UTF-16 after its byte order mark, without control characters', async () => {
  const isText = async (bytes: Uint8Array) => (await sniffHead(bytes)).isText
  const long = joined('a'.repeat(headLength - 1), '\xc3\xa9')
  const texts = ['', 'BM\n\r\t\f\x1b[0m', '\xef\xbb\xbfMZ', '\xff\xfeB\0M\0', '\xfe\xff\0B\0M', '\xe2\x82'].map(raw)
  for (const bytes of [...texts, long, long.subarray(0, headLength)])
    expect(await isText(bytes), String(bytes)).toBe(true)
  const binary = ['BM\0', 'BM\x01', 'BM\xff', '\xe2\x28\xa1', '\xff\xfeB\0\0\0', '\xed\xa0\x80', 'BM\x0b'].map(raw)
  for (const bytes of binary) expect(await isText(bytes), String(bytes)).toBe(false)
})

test('a text type hides nothing that is not text, and an image format made of text is not taken on trust', async () => {
  const gif = joined('GIF89a', noise(40))
  await check([
    [
      'GIF',
      gif,
      'image/gif',
      '',
      { 'text/plain': 'image/gif', 'application/json': 'image/gif', 'image/svg+xml': 'image/gif' },
    ],
    [
      'text with a zero',
      raw('MZ,name\n\0'),
      'application/x-msdownload',
      '',
      { 'text/csv': 'application/x-msdownload' },
    ],
    [
      'RTF',
      raw('{\\rtf1 hi}'),
      'application/rtf',
      'text/rtf',
      { 'image/svg+xml': 'application/rtf', 'image/png': 'application/rtf' },
    ],
    ['HTML', raw('<!doctype html><script>1</script>'), null, '', { 'image/png': refused, 'text/html': 'text/html' }],
  ])
})

test('bytes that are not a picture are never stored as one, whatever is declared', async () => {
  const elf = joined('\x7fELF\x02\x01\x01', noise(40))
  const exe = 'application/x-msdownload'
  await check([
    [
      'a program',
      program,
      exe,
      'application/vnd.microsoft.portable-executable application/x-dosexec',
      {
        'image/png': exe,
        'image/jpg': exe,
        'text/plain': exe,
        'application/x-own': exe,
        'application/zip': exe,
        'video/mp4': exe,
      },
    ],
    [
      'a program of Linux',
      elf,
      'application/x-elf',
      'application/x-executable',
      { 'image/png': 'application/x-elf', 'application/x-own': 'application/x-elf' },
    ],
    [
      'an archive',
      zip('a'),
      'application/zip',
      '',
      { 'image/png': 'application/zip', 'video/mp4': 'application/zip', 'font/woff2': 'application/zip' },
    ],
    [
      'noise',
      noise(5000),
      null,
      '',
      Object.fromEntries(
        [
          'image/png',
          'image/jpeg',
          'image/gif',
          'image/webp',
          'image/avif',
          'image/heic',
          'video/mp4',
          'video/webm',
          'video/quicktime',
          'audio/flac',
          'audio/wav',
          'application/pdf',
          'application/zip',
          'font/woff2',
        ].map((type) => [type, refused]),
      ),
    ],
    [
      'no bytes',
      new Uint8Array(0),
      null,
      '',
      { 'image/png': refused, 'text/plain': 'text/plain', 'application/x-own': 'application/x-own' },
    ],
    [
      'a JPEG behind a line feed, which no decoder takes',
      raw('\n\xff\xd8\xff\xe0\0\x10JFIF'),
      null,
      '',
      { 'image/jpeg': refused },
    ],
  ])
})

test('noise that begins like a frame of MP3 or AAC is not taken for sound', async () => {
  for (const start of [
    '\xff\xfb\x90\x64',
    '\xff\xf1\x50\x80\x19\0',
    '\xff\xf3\x90\x64',
    '\xff\xfd\x90\x64',
    '\xff\xff\x90\x64',
  ]) {
    const bytes = joined(start, noise(4000))
    expect(await stored(bytes, null, 'sniffed'), escape(start)).toBe(none)
    expect(await stored(bytes, 'audio/mpeg', 'sniffed'), escape(start)).toBe('audio/mpeg')
    expect(await stored(bytes, 'application/x-age-encryption', 'sniffed')).toBe('application/x-age-encryption')
  }
})
