import { styleText } from 'node:util'

/** Prints what happens, a line for each step, and adds up the figures. */
export class Report {
  readonly #started = performance.now()
  steps = 0
  up: Traffic = { files: 0, bytes: 0, ms: 0 }
  down: Traffic = { files: 0, bytes: 0, ms: 0 }

  chapter(title: string): void {
    console.log(`\n${styleText('bold', title)}`)
  }

  /** Called after the step was checked. */
  step(text: string, detail = ''): void {
    this.steps += 1
    console.log(`  ${styleText('green', '✓')} ${text}${detail === '' ? '' : `  ${styleText('dim', detail)}`}`)
  }

  note(text: string): void {
    console.log(`  ${styleText('dim', text)}`)
  }

  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    console.log(`  ${styleText('red', `✗ ${message}`)}`)
    if (error instanceof Error && error.stack)
      console.error(styleText('dim', error.stack.split('\n').slice(1).join('\n')))
  }

  figures(left: { files: number; rows: number }): void {
    this.chapter('Figures')
    const lines = {
      'steps checked': `${this.steps}`,
      uploaded: describe(this.up),
      'read back and compared': describe(this.down),
      time: `${((performance.now() - this.started) / 1000).toFixed(1)} s`,
      'files left': `${left.files}`,
      'rows left': `${left.rows}`,
    }
    for (const [name, value] of Object.entries(lines)) console.log(`  ${name.padEnd(24)}${value}`)
  }

  get started(): number {
    return this.#started
  }
}

interface Traffic {
  files: number
  bytes: number
  ms: number
}

/** Runs a transfer and adds it to the figures. */
export async function timed<T>(traffic: Traffic, bytes: number, transfer: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await transfer()
  traffic.files += 1
  traffic.bytes += bytes
  traffic.ms += performance.now() - start
  return result
}

const describe = ({ files, bytes, ms }: Traffic): string => `${files} files, ${count(bytes)} bytes, ${rate(bytes, ms)}`

export const rate = (bytes: number, ms: number): string => `${(bytes / 1000 / ms).toFixed(0)} MB/s`

/** 54321 → 54,321 */
export const count = (number: number): string => number.toLocaleString('en')

/** A CID short enough for a line. */
export const short = (cid: string): string => `${cid.slice(0, 7)}…${cid.slice(-6)}`
