import { picture } from '../place.ts'
import { type ExifForm, exif } from './exif.ts'
import { u16, type WildFile } from './file.ts'

/** 60 × 40, as `jpegtran -arithmetic` writes it: nothing on npm does. */
const arithmetic = Buffer.from(
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCj/yQARCAAoADwDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AJ94qEZdEof8/9k=',
  'base64',
)

const upright = { width: 60, height: 40 }
const turned = { width: 40, height: 60 }

export async function jpegs(): Promise<WildFile[]> {
  const plain = await picture(60, 40).jpeg().toBuffer()
  const progressive = await picture(60, 40).jpeg({ progressive: true }).toBuffer()
  const cmyk = await picture(60, 40).toColourspace('cmyk').jpeg().toBuffer()
  const grey = await picture(60, 40).greyscale().jpeg().toBuffer()
  const xmp = segment(0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'))
  const profile = segment(0xe2, Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01'), Buffer.alloc(128)]))
  const file = (name: string, shown: WildFile['shown'], bytes: Buffer): WildFile => ({
    name: `a JPEG ${name}`,
    mimeType: 'image/jpeg',
    bytes,
    shown,
  })
  const photo = (...segments: Buffer[]) => withSegments(plain, ...segments)
  const many = Array.from({ length: 20 }, () => segment(0xe2, Buffer.alloc(60_000)))
  const frame = frameOf(plain)

  return [
    ...[0, 1, 2, 3, 4, 9, 10, 255, 256, 0x0600, 0xffff].map((value) =>
      file(`of orientation ${value}`, upright, photo(exifSegment(value))),
    ),
    ...[5, 6, 7, 8].map((value) => file(`of orientation ${value}`, turned, photo(exifSegment(value)))),
    file('of orientation 9, little-endian', upright, photo(exifSegment(9, { little: true }))),
    file('of orientation 6, little-endian', turned, photo(exifSegment(6, { little: true }))),
    file('whose first EXIF is upright, the second on its side', upright, photo(exifSegment(1), exifSegment(6))),
    file('whose first EXIF is on its side, the second upright', turned, photo(exifSegment(6), exifSegment(1))),
    file('whose first EXIF is upside down', upright, photo(exifSegment(3), exifSegment(8))),
    file('whose first EXIF has no orientation', upright, photo(exifSegment(1, { tag: 0x110 }), exifSegment(6))),
    file('whose first EXIF says an unknown orientation', upright, photo(exifSegment(9), exifSegment(6))),
    file(
      'whose first EXIF is broken',
      upright,
      photo(segment(0xe1, Buffer.from('Exif\0\0broken broken')), exifSegment(6)),
    ),
    file('whose first EXIF is empty', upright, photo(segment(0xe1, Buffer.from('Exif\0\0')), exifSegment(6))),
    file('with XMP before EXIF', turned, photo(xmp, exifSegment(6))),
    file('with XMP after EXIF', turned, photo(exifSegment(6), xmp)),
    file(
      'with JFIF, a profile and Photoshop before EXIF',
      turned,
      photo(profile, segment(0xed, Buffer.from('Photoshop 3.0\0')), exifSegment(6, { little: true })),
    ),
    file('with a megabyte before EXIF', turned, photo(...many, exifSegment(6))),
    file('whose EXIF comes behind its frame', turned, insert(plain, frame.end, exifSegment(6))),
    file('whose EXIF comes behind its tables', turned, insert(plain, scanOf(plain), exifSegment(6))),
    file('whose EXIF comes behind its scan', upright, insert(plain, plain.length - 2, exifSegment(6))),
    file('with the EXIF of another picture behind it', upright, Buffer.concat([plain, photo(exifSegment(6))])),
    file(
      'whose EXIF header ends in one zero',
      upright,
      photo(segment(0xe1, Buffer.concat([Buffer.from('Exif\0\xff', 'latin1'), exif(6)]))),
    ),
    file(
      'whose EXIF is in lower case',
      upright,
      photo(segment(0xe1, Buffer.concat([Buffer.from('exif\0\0'), exif(6)]))),
    ),
    file('whose EXIF is in APP0', upright, photo(segment(0xe0, Buffer.concat([Buffer.from('Exif\0\0'), exif(6)])))),
    file('whose directory lies farther on', turned, photo(exifSegment(6, { directory: 300 }))),
    file('whose directory begins in the header', upright, photo(exifSegment(6, { directory: 2 }))),
    file('whose directory is past the end', upright, photo(patched(exifSegment(6), 10 + 4, 0x7fffffff))),
    file(
      'whose directory is at the end of what numbers reach',
      upright,
      photo(patched(exifSegment(6), 10 + 4, 0xffffffff)),
    ),
    file('whose directory says 65,535 entries', turned, photo(exifSegment(6, { entries: 65_535 }))),
    file('whose directory says no entries', upright, photo(exifSegment(6, { entries: 0 }))),
    file('whose orientation comes behind 40 entries', turned, photo(exifSegment(6, { before: 17 }))),
    file('whose orientation is a long', turned, photo(exifSegment(6, { type: 4 }))),
    file('whose orientation is a little-endian long', turned, photo(exifSegment(6, { type: 4, little: true }))),
    file('whose orientation is a byte', turned, photo(exifSegment(6, { type: 1 }))),
    file('whose orientation is a rational', upright, photo(exifSegment(6, { type: 5 }))),
    file('whose orientation is signed', turned, photo(exifSegment(6, { type: 8 }))),
    file('whose orientation counts none', upright, photo(exifSegment(6, { count: 0 }))),
    file('whose orientation counts two', turned, photo(exifSegment(6, { count: 2 }))),
    file('whose EXIF says 43 for 42', upright, photo(patched16(exifSegment(6), 12, 43))),
    file('whose EXIF is of no byte order', upright, photo(patched16(exifSegment(6), 10, 0x4d49))),
    file('with zeros before a marker', upright, insert(plain, 2, Buffer.alloc(7))),
    file('with zeros before EXIF', turned, insert(photo(exifSegment(6)), 2, Buffer.alloc(7))),
    file('with zeros behind EXIF', turned, insert(photo(exifSegment(6)), 2 + exifSegment(6).length, Buffer.alloc(3))),
    file('with zeros before its frame', upright, insert(plain, frame.start, Buffer.alloc(100))),
    file('with zeros before its scan', upright, insert(plain, scanOf(plain), Buffer.alloc(100))),
    file(
      'with fill bytes before each marker',
      upright,
      insert(insert(plain, frame.start, Buffer.alloc(9, 0xff)), 2, Buffer.alloc(9, 0xff)),
    ),
    file(
      'with zeros and fill bytes before a marker',
      turned,
      insert(photo(exifSegment(6)), 2, Buffer.from([0, 0, 0xff, 0xff, 0, 0xff, 0, 0])),
    ),
    file('with text before a marker', upright, insert(plain, frame.start, Buffer.from('made by hand'))),
    file('with a marker that stands alone', upright, insert(plain, frame.start, Buffer.from([0xff, 0x01]))),
    file('with restarts that stand alone', upright, insert(plain, frame.start, Buffer.from([0xff, 0xd0, 0xff, 0xd7]))),
    file('with two beginnings', null, insert(plain, 2, Buffer.from([0xff, 0xd8]))),
    file('whose comment is empty', upright, photo(segment(0xfe, Buffer.alloc(0)))),
    file('with a comment of a frame', upright, photo(segment(0xfe, plain.subarray(frame.start, frame.end)))),
    file(
      'with a picture in its EXIF',
      turned,
      photo(segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), exif(6), await picture(9, 9).jpeg().toBuffer()]))),
    ),
    file('that is progressive', upright, progressive),
    file('that is progressive, and cut behind its first scan', upright, cutBehindFirstScan(progressive)),
    file(
      'that is progressive, cut and closed behind its first scan',
      upright,
      Buffer.concat([cutBehindFirstScan(progressive), Buffer.from([0xff, 0xd9])]),
    ),
    file('in CMYK', upright, cmyk),
    file('in CMYK on its side', turned, withSegments(cmyk, exifSegment(6))),
    file('in grey', upright, grey),
    file('without its end', upright, plain.subarray(0, -2)),
    file('cut off in its scan', upright, plain.subarray(0, scanOf(plain) + 30)),
    file('on its side cut off in its scan', turned, photo(exifSegment(6)).subarray(0, -20)),
    file('with bytes behind its end', upright, Buffer.concat([plain, Buffer.alloc(100, 'x')])),
    file('that is arithmetic coded', upright, arithmetic),
    file('that is lossless', null, withFrame(plain, 0xc3)),
    file('that is hierarchical', null, withFrame(plain, 0xc5)),
    file('of 12 bits', null, patchedByte(plain, frame.start + 4, 12)),
    file('whose height is said at its end', null, patched16(plain, frame.start + 5, 0)),
    file('without a width', null, patched16(plain, frame.start + 7, 0)),
    file('of two frames', null, insert(plain, frame.end, plain.subarray(frame.start, frame.end))),
    file('without a frame', null, Buffer.concat([plain.subarray(0, frame.start), plain.subarray(frame.end)])),
    file('that ends before its frame', null, plain.subarray(0, frame.start)),
    file('that ends behind its frame', null, plain.subarray(0, frame.end)),
    file('that ends before its scan', null, plain.subarray(0, scanOf(plain))),
    file(
      'with the Multi-Picture Format',
      turned,
      Buffer.concat([photo(exifSegment(6), segment(0xe2, Buffer.from('MPF\0MM\0*'))), plain]),
    ),
  ]
}

function segment(marker: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xff, marker]), u16(content.length + 2), content])
}

const exifSegment = (orientation: number, form: ExifForm = {}): Buffer =>
  segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), exif(orientation, form)]))

/** The picture with segments directly after its beginning. */
const withSegments = (jpeg: Buffer, ...segments: Buffer[]): Buffer => insert(jpeg, 2, Buffer.concat(segments))

const insert = (bytes: Buffer, at: number, more: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)])

/** Where the first segment with one of these markers is. */
function find(jpeg: Buffer, ...markers: number[]): { start: number; end: number } {
  for (let start = 2; ; ) {
    const end = start + 2 + jpeg.readUInt16BE(start + 2)
    if (markers.includes(jpeg.readUInt8(start + 1))) return { start, end }
    start = end
  }
}

const frameOf = (jpeg: Buffer) => find(jpeg, 0xc0, 0xc2)
const scanOf = (jpeg: Buffer) => find(jpeg, 0xda).start

function withFrame(jpeg: Buffer, marker: number): Buffer {
  return patchedByte(jpeg, frameOf(jpeg).start + 1, marker)
}

function cutBehindFirstScan(jpeg: Buffer): Buffer {
  let end = find(jpeg, 0xda).end
  while (jpeg.readUInt8(end) !== 0xff || jpeg.readUInt8(end + 1) === 0) end += 1
  return jpeg.subarray(0, end)
}

function patched(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(value, at)
  return copy
}

function patched16(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt16BE(value, at)
  return copy
}

function patchedByte(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(value, at)
  return copy
}
