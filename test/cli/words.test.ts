import { describe, expect, test } from 'vitest'
import { commands } from '../../src/cli/program.ts'
import { fitted, wrap } from '../../src/cli/words.ts'
import { filled, program, ran } from './run-cli.ts'
import { Screen } from './screen.ts'

describe('text', () => {
  test('is broken between words, and never within one', () => {
    expect(wrap('one two three', 7)).toBe('one two\nthree')
    expect(wrap('a bafkreihdwdcefgh4dqk b', 6)).toBe('a\nbafkreihdwdcefgh4dqk\nb')
    expect(wrap('one two\nthree four five', 10, '  ')).toBe('one two\nthree four\n  five')
    expect(wrap('  $ cp one two', 9, '    ')).toBe('  $ cp\n    one\n    two')
    expect(wrap('', 5)).toBe('')
  })

  test('fits a terminal, and stays on its line elsewhere', () => {
    const text = 'a sentence of some words'
    expect(fitted(text, new Screen(12))).toBe('a sentence\nof some\nwords')
    expect(fitted(text, new Screen())).toBe(text)
  })
})

/** The command line on a terminal of so many columns, by `script`. */
async function onTerminal(columns: number, ...args: string[]): Promise<{ status: number | null; lines: string[] }> {
  const words = [process.execPath, program, ...args].map((word) => `'${word}'`)
  const command = `stty cols ${columns}; ${words.join(' ')}`
  const { status, stdout } = await ran('script', ['--quiet', '--return', '--command', command, '/dev/null'])
  // Progress redraws its line; each drawing must fit by itself.
  return { status, lines: stdout.replaceAll('\u001b[2K', '').split(/\r\n|\r|\n/) }
}

// Fails when help, a table or a message is written for 80 columns.
describe.runIf(process.platform === 'linux')('on a terminal of 40 columns', () => {
  test.each(['', ...commands.map(({ name }) => name)])('the help fits: %s', async (name) => {
    const { status, lines } = await onTerminal(40, 'help', ...(name ? [name] : []))
    expect(status).toBe(0)
    // A single word, such as the name of a variable, is not cut; commander writes the first line.
    expect(lines.slice(1).filter((line) => line.length > 40 && line.trim().includes(' '))).toEqual([])
    expect(lines.length).toBeGreaterThan(30)
  })

  test('tables and messages fit', async () => {
    const place = await filled()
    const stats = await onTerminal(40, 'stats', ...place.named)
    expect(stats.lines.filter((line) => line.length > 40)).toEqual([])
    expect(stats.lines.join('\n')).toMatch(/^objects waiting to be deleted {2}0$/m)
    const collected = await onTerminal(40, 'collect', '--yes', ...place.named)
    expect(collected.lines.filter((line) => line.length > 40 && line.includes(' '))).toEqual([])
    const wrong = await onTerminal(40, 'stats', '--disk', '/etc', ...place.named.slice(2))
    expect(wrong).toMatchObject({ status: 2 })
    expect(wrong.lines.filter((line) => line.length > 40)).toEqual([])
  })
})
