import { Writable } from 'node:stream'
import { WriteStream } from 'node:tty'
import type { Output } from '../../src/cli/table.ts'

/** A terminal with so many columns or, without them, a file; it records what was written to it. */
export class Screen extends Writable implements Output {
  readonly columns: number | undefined
  text = ''
  writes = 0

  constructor(columns?: number) {
    super({ decodeStrings: false })
    this.columns = columns
  }

  get isTTY(): boolean {
    return this.columns !== undefined
  }

  /** As terminals answer, depending on NO_COLOR, TERM and the like. */
  getColorDepth(): number {
    return WriteStream.prototype.getColorDepth({ TERM: 'xterm', ...(process.env.NO_COLOR && { NO_COLOR: '1' }) })
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    this.text += text
    this.writes += 1
    done()
  }

  /** What is in the last line, as far as a terminal shows it. */
  get line(): string {
    return this.text.split('\r\u001b[2K').at(-1) ?? ''
  }

  get lines(): number {
    return this.text.split('\n').length
  }
}
