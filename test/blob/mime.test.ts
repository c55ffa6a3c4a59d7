import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mimeTypeOfFileName } from '../../src/blob/file-name.ts'
import {
  assertAcceptPatterns,
  defaultAccept,
  matchesAccept,
  octetStream,
  parseMimeType,
  socialAccept,
} from '../../src/blob/mime.ts'

describe('a MIME type', () => {
  test('is read without its parameters and in lower case', () => {
    const types: [string, string][] = [
      ['image/png', 'image/png'],
      ['Image/PNG', 'image/png'],
      ['text/html; charset=utf-8', 'text/html'],
      ['text/html;charset="a b"', 'text/html'],
      ['\t text/html \t;', 'text/html'],
      ['image/svg+xml', 'image/svg+xml'],
      ['application/vnd.ms-excel.sheet.macroEnabled.12', 'application/vnd.ms-excel.sheet.macroenabled.12'],
      ['text/plain; name="ümlaut.txt"', 'text/plain'],
      [`${'a'.repeat(127)}/${'b'.repeat(127)}`, `${'a'.repeat(127)}/${'b'.repeat(127)}`],
      ['*/*', '*/*'],
    ]
    expect(types.map(([value]) => parseMimeType(value))).toEqual(types.map(([, type]) => type))
  })

  test('is invalid when it does not match the grammar, above all when it could end a header', () => {
    const odd = [
      '',
      'image',
      '/',
      'image/',
      '/png',
      'image//png',
      'a/b/c',
      'image /png',
      'image/ png',
      'image/png charset',
      'imäge/png',
    ]
    odd.push(
      'image/png\r\nset-cookie: a=b',
      'image/png\n',
      '\nimage/png',
      'image/png;\r\nx: y',
      'image/png;\0',
      'image/png\0',
      'a/b;\x7f',
      'a/b;\x85',
    )
    odd.push(
      'image/png, text/html',
      'image/(png)',
      'image/<png>',
      '"image/png"',
      `${'a'.repeat(128)}/b`,
      `a/${'b'.repeat(128)}`,
      `a/b;${' '.repeat(1024)}`,
    )
    expect(odd.filter((value) => parseMimeType(value) !== null)).toEqual([])
  })

  test('may have 1024 characters with its parameters, and no more', () => {
    const of = (length: number): string => 'text/html;'.padEnd(length, 'x')
    expect([parseMimeType(of(1024)), parseMimeType(of(1025))]).toEqual(['text/html', null])
  })

  test('is safe in a header whatever it was read from', () => {
    const safe = /^[!#$%&'*+.^_`|~0-9a-z-]{1,127}\/[!#$%&'*+.^_`|~0-9a-z-]{1,127}$/
    const near = fc
      .tuple(fc.string({ unit: 'binary' }), fc.constantFrom('/', 'a/b', 'a/b;', ';', '\r\n', ''))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          near,
          fc.string().map((end) => `a/${end}`),
        ),
        (value) => {
          const type = parseMimeType(value)
          if (type === null) return
          expect(type).toMatch(safe)
          expect(parseMimeType(type)).toBe(type)
          expect(new Headers({ 'content-type': type }).get('content-type')).toBe(type)
        },
      ),
      { numRuns: 5000 },
    )
  })

  test('is parsed in linear time, however long and however built for backtracking', () => {
    const lengths = 100_000
    const worst = ['a', '/', ' ', ';', '\t', 'a/', 'a/b', 'a/b;', '.a', '*', '=', '\\', 'bafkrei'].map((part) =>
      part.repeat(lengths / part.length),
    )
    worst.push(
      `a/b${' '.repeat(lengths)}x`,
      `a/b;${'\t'.repeat(lengths)}\n`,
      `${' '.repeat(1000)}a`,
      `${' '.repeat(500)}a/b${' '.repeat(500)}\0`,
    )
    const start = performance.now()
    for (const value of worst) {
      parseMimeType(value)
      matchesAccept(value, ['image/*'])
      mimeTypeOfFileName(value)
      expect(() => assertAcceptPatterns([`${value}\n`])).toThrow()
    }
    expect(performance.now() - start).toBeLessThan(500)
  })
})

describe('the accept list', () => {
  test('matches any type, the subtypes of one, or one', () => {
    const cases: [string, string[], boolean][] = [
      ['image/png', ['image/png'], true],
      ['image/png', ['image/*'], true],
      ['image/png', ['*/*'], true],
      ['Image/PNG; q=1', ['IMAGE/*'], true],
      ['image/png', ['video/mp4', 'image/*'], true],
      ['image/png', ['image/jpeg', 'video/*'], false],
      ['imagex/png', ['image/*'], false],
      ['image/pngx', ['image/png'], false],
      ['text/image/png', ['*/*'], false],
      ['image/png', ['image/'], false],
      ['image/png', ['*'], false],
      ['image/png', [], false],
    ]
    expect(cases.map(([type, patterns]) => matchesAccept(type, patterns))).toEqual(
      cases.map(([, , matches]) => matches),
    )
  })

  test('is refused when it would refuse everything, or is invalid', () => {
    expect(() => assertAcceptPatterns([])).toThrow(/at least one MIME type: .*\["\*\/\*"\] for any/)
    expect(() => assertAcceptPatterns(['image/png', 'image'])).toThrow(/^accept\[1\] is not a MIME type pattern/)
    const odd = [
      ['*'],
      ['image/'],
      ['image/p*'],
      ['*/png'],
      ['image/**'],
      ['image/png; q=1'],
      [' image/png'],
      [''],
      [7],
      [['image/png']],
      'image/png',
      null,
    ]
    const passed = odd.filter((patterns) => {
      try {
        assertAcceptPatterns(patterns as string[])
        return true
      } catch (error) {
        expect(error).toMatchObject({ code: 'InvalidArgument' })
        return false
      }
    })
    expect(passed).toEqual([])
  })

  test('is the images and videos of browsers by default, and cannot be changed', () => {
    assertAcceptPatterns(defaultAccept)
    assertAcceptPatterns(['image/*', '*/*', 'Text/VTT', octetStream])
    expect(matchesAccept('application/x-msdownload', defaultAccept)).toBe(false)
    expect(() => (defaultAccept as string[]).push('*/*')).toThrow(TypeError)
  })

  test("of socialAccept has what Bluesky's records use, and no programs, pages or archives", () => {
    assertAcceptPatterns(socialAccept)
    const social = [...defaultAccept, 'image/heic', 'image/avif', 'audio/mpeg', 'video/3gpp', 'text/vtt']
    expect(social.filter((type) => !matchesAccept(type, socialAccept))).toEqual([])
    const others = ['text/html', 'text/plain', 'application/zip', 'application/x-msdownload', octetStream]
    expect(others.filter((type) => matchesAccept(type, socialAccept))).toEqual([])
    expect(() => (socialAccept as string[]).push('*/*')).toThrow(TypeError)
  })
})

test('a file name shows its type by its extension, if that is known', () => {
  const names: [string, string | null][] = [
    ['cat.jpg', 'image/jpeg'],
    ['CAT.JPEG', 'image/jpeg'],
    ['a.tar.gz', 'application/gzip'],
    ['.png', 'image/png'],
    ['/tmp/x.y/clip.mp4', 'video/mp4'],
    ['C:\\clips\\clip.mov', 'video/quicktime'],
    [`${'long'.repeat(100_000)}.webm`, 'video/webm'],
    ['subtitles.vtt', 'text/vtt'],
    ['png', null],
    ['cat.', null],
    ['cat.unknownextension', null],
    ['a.png/b', null],
    ['cat.png ', null],
    ['cat.png\0', null],
    ['.constructor', null],
    ['.__proto__', null],
    ['', null],
  ]
  expect(names.map(([name]) => mimeTypeOfFileName(name))).toEqual(names.map(([, type]) => type))
})
