import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { picture } from '../place.ts'
import { bodyOf, box, boxesOf } from './boxes.ts'
import { u16, u32, type WildFile } from './file.ts'

interface Item {
  id: number
  type: string
  data: Buffer
  /** The properties that it has, counted from 1. */
  has: number[]
}

interface Form {
  major?: string
  compatible?: string[]
  primary?: number
  version?: 0 | 1
  wide?: boolean
  /** From the first item to others: a grid's tiles, or the original of a thumbnail. */
  reference?: { type: string; from: number; to: number[] }
  before?: Buffer
}

export async function avifs(): Promise<WildFile[]> {
  const file = (name: string, width: number, height: number, bytes: Buffer): WildFile => ({
    name: `an AVIF ${name}`,
    mimeType: 'image/avif',
    bytes,
    shown: width > 0 ? { width, height } : null,
  })
  const moving = readFileSync(join(import.meta.dirname, '../../fixtures/images/moving.avif'))
  const parts = new Map(boxesOf(moving).map(({ type, body }) => [type, box(type, body)]))
  const arranged = (...types: string[]) => Buffer.concat(types.map((type) => parts.get(type) as Buffer))
  const branded = (brand: string) => Buffer.concat([moving.subarray(0, 8), Buffer.from(brand), moving.subarray(12)])
  const whole = await picture(60, 40).avif({ effort: 0 }).toBuffer()
  const small = await picture(16, 16).avif({ effort: 0 }).toBuffer()
  const av1C = box('av1C', bodyOf(whole, 'av1C'))
  const pixi = box('pixi', bodyOf(whole, 'pixi'))
  const data = bodyOf(whole, 'mdat')
  const base = [av1C, pixi, ispe(60, 40)]
  /** The picture with more properties, in the order of `has`. */
  const one = (more: Buffer[], has = more.map((_, i) => 4 + i), form: Form = {}) =>
    avif([...base, ...more], [{ id: 1, type: 'av01', data, has: [1, 2, 3, ...has] }], form)
  const thumbnail: Item = { id: 1, type: 'av01', data: bodyOf(small, 'mdat'), has: [1, 2, 3] }
  const main: Item = { id: 2, type: 'av01', data, has: [4, 5, 6] }
  const both = [box('av1C', bodyOf(small, 'av1C')), pixi, ispe(16, 16), ...base]
  const tiles = [1, 2].map((id): Item => ({ id: id + 1, type: 'av01', data, has: [1, 2, 3] }))
  const grid: Item = { id: 1, type: 'grid', data: Buffer.from([0, 0, 0, 1, 0, 120, 0, 40]), has: [2, 4] }
  return [
    file('as sharp writes it', 60, 40, whole),
    file('of 60 × 40', 60, 40, one([])),
    ...[0, 2].map((turns) => file(`turned ${turns} times`, 60, 40, one([irot(turns)]))),
    ...[1, 3].map((turns) => file(`turned ${turns} times`, 40, 60, one([irot(turns)]))),
    ...[0, 1].map((axis) => file(`mirrored about axis ${axis}`, 60, 40, one([imir(axis)]))),
    file('turned and mirrored', 40, 60, one([irot(1), imir(0)])),
    file('that is cut', 40, 30, one([clap([40, 1], [30, 1])])),
    file('that is cut to a fraction that comes out even', 30, 20, one([clap([60, 2], [80, 4])])),
    file('that is cut away from the middle', 30, 20, one([clap([30, 1], [20, 1], [-15, 1], [10, 1])])),
    file('that is cut and turned', 30, 40, one([clap([40, 1], [30, 1]), irot(1)])),
    file('that is cut, turned and mirrored', 30, 40, one([clap([40, 1], [30, 1]), irot(3), imir(1)])),
    file(
      'that is cut and turned, as properties lie the other way round',
      30,
      40,
      one([irot(1), clap([40, 1], [30, 1])], [5, 4]),
    ),
    file('whose cut is larger than it', 60, 40, one([clap([80, 1], [60, 1])])),
    file('that is cut to an odd width', 31, 21, one([clap([31, 1], [21, 1])])),
    file('that is cut off its middle by a half', 31, 21, one([clap([31, 1], [21, 1], [-29, 2], [19, 2])])),
    file('that is cut off its middle by more', 60, 40, one([clap([31, 1], [21, 1], [-31, 2], [19, 2])])),
    file('that is cut off its middle by a whole', 31, 21, one([clap([31, 1], [21, 1], [-15, 1], [10, 1])])),
    file('that is cut to its left', 30, 40, one([clap([30, 1], [40, 1], [-15, 1], [0, 1])])),
    file('that is cut past its left', 60, 40, one([clap([30, 1], [40, 1], [-16, 1], [0, 1])])),
    file('that is cut past its right', 60, 40, one([clap([30, 1], [40, 1], [16, 1], [0, 1])])),
    file('that is cut past its right by a half', 30, 40, one([clap([30, 1], [40, 1], [31, 2], [0, 1])])),
    file('that is cut past its left by a half', 30, 40, one([clap([30, 1], [40, 1], [-31, 2], [0, 1])])),
    file('that is cut to a third', 21, 13, one([clap([62, 3], [40, 3])])),
    file('that is cut to nothing', 60, 40, one([clap([0, 1], [40, 1])])),
    file('that is cut to less than nothing', 60, 40, one([clap([-30, 1], [40, 1])])),
    file('that is turned, then cut', 30, 20, one([irot(1), clap([30, 1], [20, 1])])),
    file('that is cut twice', 30, 20, one([clap([40, 1], [30, 1]), clap([30, 1], [20, 1])])),
    file('that is turned twice', 60, 40, one([irot(1), irot(1)])),
    file('that is turned by one property twice', 60, 40, one([irot(1)], [4, 4])),
    file('that says its dimensions twice', 60, 40, one([ispe(80, 20)], [4])),
    file(
      'whose dimensions are not coded',
      80,
      20,
      avif([av1C, pixi, ispe(80, 20)], [{ id: 1, type: 'av01', data, has: [1, 2, 3] }]),
    ),
    file('of the brand miaf', 60, 40, one([], [], { major: 'miaf', compatible: ['mif1', 'avif', 'miaf'] })),
    file('of the brand mif2', 60, 40, one([], [], { major: 'mif2', compatible: ['mif1', 'avif', 'miaf'] })),
    file('of the brand MA1B', 60, 40, one([], [], { major: 'MA1B', compatible: ['mif1', 'avif', 'miaf'] })),
    file('of the brand avis, that does not move', 60, 40, one([], [], { major: 'avis', compatible: ['avif', 'avis'] })),
    file('of the brand mif1 alone', 60, 40, one([], [], { major: 'mif1', compatible: ['mif1'] })),
    file('whose brand is in none of the places', 60, 40, one([], [], { compatible: [] })),
    file('whose cut is no whole number', 31, 30, one([clap([61, 2], [30, 1])])),
    file('whose cut divides by zero', 60, 40, one([clap([40, 0], [30, 1])])),
    file('whose cut lies outside', 60, 40, one([clap([40, 1], [30, 1], [50, 1], [0, 1])])),
    file('whose pixels are no squares', 60, 40, one([box('pasp', u32(2, 1))])),
    file('with a turn that it does not have', 60, 40, one([irot(1)], [])),
    file('with a cut that it does not have', 60, 40, one([clap([40, 1], [30, 1])], [])),
    file('whose table is of version 1', 40, 60, one([irot(1)], [4], { version: 1 })),
    file('whose table has wide indices', 40, 60, one([irot(1)], [4], { wide: true })),
    file('whose table is of version 1 with wide indices', 40, 60, one([irot(1)], [4], { version: 1, wide: true })),
    file('of the brand mif1', 60, 40, one([], [], { major: 'mif1', compatible: ['mif1', 'avif', 'miaf'] })),
    file(
      'whose brand comes last of many',
      60,
      40,
      one([], [], { major: 'mif1', compatible: [...Array(20).fill('miaf'), 'avif'] }),
    ),
    file('behind a free box', 60, 40, one([], [], { before: box('free', Buffer.alloc(1000)) })),
    file(
      'with a thumbnail before it',
      60,
      40,
      avif(both, [thumbnail, main], { primary: 2, reference: { type: 'thmb', from: 1, to: [2] } }),
    ),
    file(
      'with a thumbnail behind it',
      60,
      40,
      avif(
        both,
        [
          { ...main, id: 1 },
          { ...thumbnail, id: 2 },
        ],
        { reference: { type: 'thmb', from: 2, to: [1] } },
      ),
    ),
    file(
      'whose thumbnail is turned',
      60,
      40,
      avif([...both, irot(1)], [{ ...thumbnail, has: [1, 2, 3, 7] }, main], {
        primary: 2,
        reference: { type: 'thmb', from: 1, to: [2] },
      }),
    ),
    file(
      'of two tiles',
      120,
      40,
      avif([...base, ispe(120, 40)], [grid, ...tiles], { reference: { type: 'dimg', from: 1, to: [2, 3] } }),
    ),
    file(
      'of two tiles, turned',
      40,
      120,
      avif([...base, ispe(120, 40), irot(1)], [{ ...grid, has: [2, 4, 5] }, ...tiles], {
        reference: { type: 'dimg', from: 1, to: [2, 3] },
      }),
    ),
    file('that moves', 24, 16, moving),
    file('that moves, its movie first', 24, 16, arranged('ftyp', 'moov', 'meta', 'mdat')),
    file('that moves, of the brand avif', 24, 16, branded('avif')),
    file('that moves, of the brand msf1', 24, 16, branded('msf1')),
    file(
      'that moves, without a still picture',
      0,
      0,
      Buffer.concat([arranged('ftyp'), box('free', bodyOf(moving, 'meta')), arranged('moov', 'mdat')]),
    ),
    file('without its dimensions', 0, 0, avif([av1C, pixi], [{ id: 1, type: 'av01', data, has: [1, 2] }])),
    file('whose first picture is missing', 0, 0, one([], [], { primary: 9 })),
    file('cut off in its picture', 60, 40, whole.subarray(0, -20)),
  ]
}

const ispe = (width: number, height: number): Buffer => box('ispe', u32(0, width, height))
const irot = (turns: number): Buffer => box('irot', Buffer.from([turns]))
const imir = (axis: number): Buffer => box('imir', Buffer.from([axis]))

type Fraction = [number, number]
const clap = (width: Fraction, height: Fraction, x: Fraction = [0, 1], y: Fraction = [0, 1]): Buffer =>
  box('clap', u32(...[width, height, x, y].flat().map((value) => value >>> 0)))

function avif(properties: Buffer[], items: Item[], form: Form = {}): Buffer {
  const { major = 'avif', compatible = ['avif', 'mif1', 'miaf'], primary = 1, version = 0, wide = false } = form
  const ftyp = box('ftyp', Buffer.from(major), u32(0), Buffer.from(compatible.join('')))
  const before = form.before ?? Buffer.alloc(0)
  const meta = (start: number) => {
    let at = start
    const places = items.map(({ id, data }) => {
      const place = Buffer.concat([u16(id, 0, 1), u32(at, data.length)])
      at += data.length
      return place
    })
    const id = (id: number) => (version === 1 ? u32(id) : u16(id))
    const index = (index: number) => (wide ? u16(index | 0x8000) : Buffer.from([index | 0x80]))
    const table = items.map((item) =>
      Buffer.concat([id(item.id), Buffer.from([item.has.length]), ...item.has.map(index)]),
    )
    const { reference } = form
    return box(
      'meta',
      u32(0),
      box('hdlr', u32(0, 0), Buffer.from('pict'), Buffer.alloc(13)),
      box('pitm', u32(0), u16(primary)),
      box('iloc', u32(0), Buffer.from([0x44, 0]), u16(items.length), ...places),
      box(
        'iinf',
        u32(0),
        u16(items.length),
        ...items.map(({ id, type }) => box('infe', u32(0x02000000), u16(id, 0), Buffer.from(`${type}\0`))),
      ),
      ...(reference
        ? [box('iref', u32(0), box(reference.type, u16(reference.from, reference.to.length, ...reference.to)))]
        : []),
      box(
        'iprp',
        box('ipco', ...properties),
        box('ipma', u32((version << 24) | (wide ? 1 : 0), items.length), ...table),
      ),
    )
  }
  const start = ftyp.length + before.length + meta(0).length + 8
  return Buffer.concat([ftyp, before, meta(start), box('mdat', ...items.map(({ data }) => data))])
}
