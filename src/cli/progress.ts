import { sizeText, timeText } from './table.ts'

export interface Done {
  objects: number
  /** How many there are, where that is known. */
  of?: number
  bytes?: number
}

/** Two lines a second would do; ten look alive. In milliseconds. */
const interval = 100

/** One line on a terminal, drawn over and over; nothing elsewhere. */
export class Progress {
  readonly #stream: NodeJS.WriteStream | undefined
  readonly #started = performance.now()
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream.isTTY ? stream : undefined
  }

  show(done: Done): void {
    const now = performance.now()
    if (!this.#stream || now - this.#drawnAt < interval) return
    this.#drawnAt = now
    const text = lineOf(done, (now - this.#started) / 1000)
    this.#stream.write(`\r\u001b[2K${text.slice(0, this.#stream.columns - 1)}`)
  }

  /** Wipes the line, so that what is printed next stands alone. */
  clear(): void {
    if (this.#drawnAt === Number.NEGATIVE_INFINITY) return
    this.#stream?.write('\r\u001b[2K')
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }
}

function lineOf({ objects, of, bytes }: Done, seconds: number): string {
  const parts = [of === undefined ? `${count(objects)} done` : `${count(objects)} of ${count(of)}`]
  if (bytes !== undefined) parts.push(`${sizeText(bytes)}, ${sizeText(Math.round(bytes / seconds))}/s`)
  if (of !== undefined && objects > 0) parts.push(`${timeText((seconds / objects) * (of - objects))} left`)
  return parts.join(' · ')
}

const count = (objects: number): string => objects.toLocaleString('en')
