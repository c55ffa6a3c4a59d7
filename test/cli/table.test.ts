import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Row, shortened, tableOf } from '../../src/cli/table.ts'
import { Screen } from './screen.ts'

// Fails when a line is broken by the terminal, or when a pipe gets something cut, padded or coloured.

const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
const rows: readonly Row[] = [
  ['blobs', 12_345],
  ['the last one', cid],
  ['disk', 'still needed: uploads to it are running; processes that write to it: 2'],
  ['not asked for', undefined],
]

const linesOn = (screen: Screen) => stripVTControlCharacters(tableOf(rows, screen)).trimEnd().split('\n')

describe('a table', () => {
  beforeEach(() => void vi.stubEnv('FORCE_COLOR', undefined))
  afterEach(() => void vi.unstubAllEnvs())

  test.each([200, 80, 60, 40, 20])('fits a terminal of %i columns', (columns) => {
    const lines = linesOn(new Screen(columns))
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
    expect(lines[0]).toMatch(/^blobs +12,345$/)
  })

  test('removes the middle of words that are too long, and breaks sentences at spaces', () => {
    expect(linesOn(new Screen(40))).toEqual([
      'blobs         12,345',
      'the last one  bafkreihdwdce…evtenxquvyku',
      'disk          still needed: uploads to',
      '              it are running; processes',
      '              that write to it: 2',
    ])
  })

  test('has colours on a terminal, unless NO_COLOR is set', () => {
    vi.stubEnv('NO_COLOR', '')
    expect(tableOf(rows, new Screen(80))).toContain('\u001b[2mblobs')
    vi.stubEnv('NO_COLOR', '1')
    expect(tableOf(rows, new Screen(80))).not.toContain('\u001b')
  })

  test('is whole and plain in a pipe: nothing cut, nothing after a value', () => {
    const text = tableOf(rows, new Screen())
    expect(text).toBe(
      'blobs         12,345\n' +
        `the last one  ${cid}\n` +
        'disk          still needed: uploads to it are running; processes that write to it: 2\n',
    )
  })
})

test('a shortened text keeps its beginning and its end', () => {
  expect(shortened('abcdefghij', 10)).toBe('abcdefghij')
  expect(shortened('abcdefghij', 5)).toBe('ab…ij')
  expect(shortened('abcdefghij', 4)).toBe('ab…j')
  expect(shortened('abcdefghij', 1)).toBe('…')
})
