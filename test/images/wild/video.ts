import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Box, box, boxesOf } from './boxes.ts'
import { u32, type WildFile } from './file.ts'

const fixture = (name: string) => readFileSync(join(import.meta.dirname, '../../fixtures', name))
const containers = ['moov', 'trak', 'edts', 'mdia', 'minf', 'stbl']
const one = 0x10000

/** The matrices that cameras write, row by row. */
const matrices = {
  upright: [one, 0, 0, 0, one, 0],
  right: [0, one, 0, -one, 0, 0],
  down: [-one, 0, 0, 0, -one, 0],
  left: [0, -one, 0, one, 0, 0],
  mirrored: [-one, 0, 0, 0, one, 0],
  mirroredOnItsSide: [0, one, 0, one, 0, 0],
  twice: [2 * one, 0, 0, 0, 2 * one, 0],
  askew: [46341, 46341, 0, -46341, 46341, 0],
  nearlyRight: [0, one - 1, 0, 1 - one, 2, 0],
  rounded: [0, one - 1, 0, 1 - one, 0, 0],
  steep: [11_380, 64_540, 0, -64_540, 11_380, 0],
  wide: [2 * one, 0, 0, 0, one, 0],
  wideOnItsSide: [0, 2 * one, 0, -one, 0, 0],
  nothing: [0, 0, 0, 0, 0, 0],
}

export function videos(): WildFile[] {
  const clip = fixture('media/clip.mp4')
  const file = (name: string, width: number, height: number, bytes: Buffer, mimeType = 'video/mp4'): WildFile => ({
    name: `a video ${name}`,
    mimeType,
    bytes,
    shown: width > 0 ? { width, height } : null,
  })
  const changed = (...changes: Change[]) => film(clip, changes)
  const matrix = (name: keyof typeof matrices) =>
    tkhd((body) => {
      for (const [i, value] of matrices[name].entries()) body.writeInt32BE(value, 40 + i * 4)
    })
  const size = (width: number, height: number) =>
    tkhd((body) => body.writeUInt32BE(width * one, 76) && body.writeUInt32BE(height * one, 80))
  const quick = (name: string, ...first: Buffer[]) =>
    file(
      `of QuickTime that begins with ${name}`,
      160,
      120,
      film(clip, [], (top) => [...first, ...top.filter(({ type }) => type !== 'ftyp').map(written)]),
      'video/quicktime',
    )
  const subtitles = (width: number, height: number) => changed(before(handler('text'), size(width, height)))
  return [
    file('of 160 × 120', 160, 120, clip),
    ...(['upright', 'down', 'mirrored', 'twice', 'nothing', 'askew'] as const).map((name) =>
      file(`with the matrix ${name}`, 160, 120, changed(matrix(name))),
    ),
    ...(['right', 'left', 'mirroredOnItsSide'] as const).map((name) =>
      file(`with the matrix ${name}`, 120, 160, changed(matrix(name))),
    ),
    file('whose movie is turned', 120, 160, changed(mvhd('right'))),
    file('whose track says 0 × 0', 160, 120, changed(size(0, 0))),
    file('whose track says 0 × 0, turned', 120, 160, changed(size(0, 0), matrix('right'))),
    file('whose track says no height', 160, 120, changed(size(160, 0))),
    file('whose track says 320 × 120', 320, 120, changed(size(320, 120), pasp())),
    file('whose track says 320 × 240', 160, 120, changed(size(320, 240))),
    file('whose track says 80 × 120', 160, 240, changed(size(80, 120), pasp())),
    file('whose track says 320 × 120, and square pixels', 160, 120, changed(size(320, 120))),
    file('whose pixels are twice as wide', 320, 120, changed(pasp(2, 1))),
    file('whose pixels are twice as high', 160, 240, changed(pasp(1, 2))),
    file('whose pixels are 16 to 15', 171, 120, changed(pasp(16, 15))),
    file('whose pixels are 10 to 11', 160, 132, changed(pasp(10, 11))),
    file('whose pixels are twice as wide, turned', 120, 320, changed(pasp(2, 1), matrix('right'))),
    file('whose pixels are twice as wide, as its track says', 320, 120, changed(pasp(2, 1), size(320, 120))),
    file('whose pixels are twice as wide, its track 0 × 0', 320, 120, changed(pasp(2, 1), size(0, 0))),
    file('whose pixels are 0 to 0', 160, 120, changed(pasp(0, 0))),
    file('whose pixels are 1 to 0', 160, 120, changed(pasp(1, 0))),
    file('whose pixels are 4 billion to 1', 160, 120, changed(pasp(0xffffffff, 1))),
    file('without an aspect ratio of its pixels', 160, 120, changed(pasp())),
    file('whose track header is of version 1', 160, 120, changed(longTimes)),
    file('whose track header is of version 1, turned', 120, 160, changed(matrix('right'), longTimes)),
    file('with the matrix nearlyRight', 160, 120, changed(matrix('nearlyRight'))),
    file('with the matrix steep', 160, 120, changed(matrix('steep'))),
    file('with the matrix wide', 160, 120, changed(matrix('wide'))),
    file('with the matrix wide, without pasp', 320, 120, changed(matrix('wide'), pasp())),
    file('with the matrix wideOnItsSide', 160, 120, changed(matrix('wideOnItsSide'))),
    file('with the matrix wideOnItsSide, without pasp', 160, 240, changed(matrix('wideOnItsSide'), pasp())),
    file('with the matrix rounded', 160, 120, changed(matrix('rounded'))),
    file('whose movie and track are turned', 160, 120, changed(mvhd('right'), matrix('right'))),
    file('whose movie turns back', 160, 120, changed(mvhd('left'), matrix('right'))),
    file('whose pixels are 100 to 1', 16000, 120, changed(pasp(100, 1))),
    file('whose pixels are 1000 to 1', 160, 120, changed(pasp(1000, 1))),
    file('whose pixels are 1 to 1000', 160, 120, changed(pasp(1, 1000))),
    file('whose pixels are 100000 to 100001', 160, 120, changed(pasp(100000, 100001))),
    file('with another picture track first', 120, 160, changed(before(size(80, 60), matrix('right')))),
    file(
      'with a disabled track first',
      160,
      120,
      changed(
        before(
          tkhd((body) => body.writeUInt8(0, 3)),
          matrix('right'),
        ),
      ),
    ),
    file('with subtitles first', 160, 120, subtitles(600, 50)),
    file('with a time code first', 160, 120, changed(before(handler('tmcd'), size(64, 32)))),
    file('with sound first', 64, 48, fixture('images/sound-first.mp4')),
    file('whose track is disabled', 160, 120, changed(tkhd((body) => body.writeUInt8(0, 3)))),
    quick('moov'),
    quick('wide', box('wide')),
    quick('skip', box('skip', Buffer.from('Kodak EasyShare\0'))),
    quick('free', box('free', Buffer.alloc(2000))),
    quick('pnot', box('pnot', Buffer.alloc(12))),
    quick('uuid', box('uuid', Buffer.alloc(16))),
    file(
      'of QuickTime that begins with mdat',
      160,
      120,
      film(clip, [], (top) => ['mdat', 'moov'].flatMap((type) => top.filter((box) => box.type === type).map(written))),
      'video/quicktime',
    ),
    file(
      'of QuickTime that begins with wide and mdat',
      160,
      120,
      film(clip, [], (top) => [
        box('wide'),
        ...['mdat', 'moov'].flatMap((type) => top.filter((box) => box.type === type).map(written)),
      ]),
      'video/quicktime',
    ),
    file(
      'of QuickTime',
      160,
      120,
      film(clip, [], (top) => [box('ftyp', Buffer.from('qt  \0\0\0\0qt  ')), ...top.slice(1).map(written)]),
      'video/quicktime',
    ),
    file(
      'whose ftyp is behind free',
      160,
      120,
      film(clip, [], (top) => [box('free', Buffer.alloc(9)), ...top.map(written)]),
    ),
    file(
      'whose tables come last',
      160,
      120,
      film(clip, [], (top) =>
        ['ftyp', 'mdat', 'moov'].flatMap((type) => top.filter((box) => box.type === type).map(written)),
      ),
    ),
    file('in fragments', 64, 48, fixture('images/fragmented.mp4')),
    file(
      'in fragments, a segment of them',
      64,
      48,
      Buffer.concat([box('styp', Buffer.from('msdh\0\0\0\0msdhmsix')), fixture('images/fragmented.mp4')]),
    ),
    file('that ends before its tables', 0, 0, clip.subarray(0, 500)),
    file('cut off in its frames', 160, 120, clip.subarray(0, -300)),
  ]
}

type Change = (box: Box, path: string) => Buffer[] | null

const written = ({ type, body }: Box): Buffer => box(type, body)

/** The video with boxes changed, and with its frames found wherever they are moved to. */
function film(clip: Buffer, changes: Change[], arrange: (top: Box[]) => Buffer[] = (top) => top.map(written)): Buffer {
  const old = clip.indexOf('mdat')
  const make = (by: number): Buffer => {
    const moving: Change = ({ type, body }) =>
      type === 'stco' ? [box('stco', u32(0, body.readUInt32BE(4), body.readUInt32BE(8) + by))] : null
    const all = [...changes, moving].reduce(
      (bytes, change) => Buffer.concat(boxesOf(bytes).flatMap((one) => applied(one, change))),
      clip,
    )
    return Buffer.concat(arrange(boxesOf(all)))
  }
  return make(make(0).indexOf('mdat') - old)
}

function applied({ type, body }: Box, change: Change, path = ''): Buffer[] {
  const its = `${path}/${type}`
  const instead = change({ type, body }, its)
  if (instead) return instead
  if (!containers.includes(type)) return [box(type, body)]
  return [box(type, ...boxesOf(body).flatMap((child) => applied(child, change, its)))]
}

function tkhd(write: (body: Buffer) => void): Change {
  return ({ type, body }) => {
    if (type !== 'tkhd') return null
    const copy = Buffer.from(body)
    write(copy)
    return [box('tkhd', copy)]
  }
}

function mvhd(name: keyof typeof matrices): Change {
  return ({ type, body }) => {
    if (type !== 'mvhd') return null
    const copy = Buffer.from(body)
    for (const [i, value] of matrices[name].entries()) copy.writeInt32BE(value, 36 + i * 4)
    return [box('mvhd', copy)]
  }
}

/** Times of 8 bytes instead of 4. */
const longTimes: Change = ({ type, body }) => {
  if (type !== 'tkhd') return null
  const times = [
    u32(0),
    body.subarray(4, 8),
    u32(0),
    body.subarray(8, 12),
    body.subarray(12, 20),
    u32(0),
    body.subarray(20, 24),
  ]
  return [box('tkhd', Buffer.from([1]), body.subarray(1, 4), ...times, body.subarray(24))]
}

/** The shape of its pixels in the description of its samples, or none. */
function pasp(...shape: [] | [number, number]): Change {
  return ({ type, body }) => {
    if (type !== 'stsd') return null
    const entry = body.subarray(8)
    const inner = boxesOf(entry.subarray(8 + 78)).filter(({ type }) => type !== 'pasp')
    const more = shape.length > 0 ? [box('pasp', u32(...shape))] : []
    return [box('stsd', u32(0, 1), box('avc1', entry.subarray(8, 8 + 78), ...inner.map(written), ...more))]
  }
}

function handler(name: string): Change {
  return ({ type, body }) => {
    if (type !== 'hdlr') return null
    return [box('hdlr', body.subarray(0, 8), Buffer.from(name), body.subarray(12))]
  }
}

/** The track twice: the first time with the changes. */
function before(...changes: Change[]): Change {
  return ({ type, body }) => {
    if (type !== 'trak') return null
    const other = changes.reduce(
      (bytes, change) => Buffer.concat(boxesOf(bytes).flatMap((one) => applied(one, change))),
      box('trak', body),
    )
    const id = other.indexOf('tkhd') + 4 + 12
    other.writeUInt32BE(9, id)
    return [other, box('trak', body)]
  }
}
