import { countText, sizeText, timeText } from './amounts.ts'
import { type Output, widthOf } from './table.ts'

export interface Done {
  objects: number
  /** How many there are, where that is known. */
  of?: number
  /** Whether `of` counts some that need nothing. @default false */
  atMost?: boolean
  bytes?: number
  /** How many bytes there are: the time left is better known by them than by objects. */
  ofBytes?: number
}

export interface ProgressOptions {
  /** For the lines where there is no terminal: of which command. */
  name: string
  stream: Output
  /** Shows nothing. @default false */
  quiet?: boolean
  /** In milliseconds. */
  now?: () => number
}

/** One line on a terminal, drawn over and over; a line now and then elsewhere, so that a log tells that it goes on. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #now: () => number
  readonly #started: number
  readonly #objects: Speed
  readonly #bytes: Speed
  #drawnAt: number
  #isDrawn = false

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#started = this.#now()
    this.#objects = new Speed(this.#started)
    this.#bytes = new Speed(this.#started)
    this.#drawnAt = options.stream.isTTY ? Number.NEGATIVE_INFINITY : this.#started
  }

  show(done: Done): void {
    const { name, stream, quiet } = this.#options
    const now = this.#now()
    const objectSpeed = this.#objects.note(now, done.objects)
    const byteSpeed = this.#bytes.note(now, done.bytes ?? 0)
    if (quiet || now - this.#drawnAt < this.#interval(now)) return
    this.#drawnAt = now
    const parts = partsOf(done, objectSpeed, byteSpeed)
    if (!stream.isTTY) {
      stream.write(`${name}: ${parts.join(separator)}\n`)
      return
    }
    this.#isDrawn = true
    stream.write(`\r\u001b[2K${fitting(parts, widthOf(stream) - 1)}`)
  }

  /** Wipes the line, so that what is printed next stands alone. */
  clear(): void {
    if (this.#isDrawn) this.#options.stream.write('\r\u001b[2K')
    this.#isDrawn = false
  }

  /** Ten times a second looks alive. In a log every 5 seconds, and when it takes long every minute. */
  #interval(now: number): number {
    if (this.#options.stream.isTTY) return 100
    return now - this.#started < 60_000 ? 5000 : 60_000
  }
}

/** The most telling ones first. */
function partsOf(done: Done, objectSpeed: number, byteSpeed: number): string[] {
  const { objects, of, atMost, bytes } = done
  const parts = [of === undefined ? `${countText(objects)} done` : partText(objects, Math.max(of, objects), atMost)]
  const left = secondsLeft(done, objectSpeed, byteSpeed)
  if (left !== undefined) parts.push(`${atMost ? 'at most ' : ''}${timeText(left)} left`)
  if (bytes !== undefined) parts.push(sizeText(bytes))
  if (byteSpeed > 0) parts.push(`${sizeText(Math.round(byteSpeed))}/s`)
  else if (bytes === undefined && objectSpeed > 0) parts.push(`${countText(Math.round(objectSpeed))}/s`)
  return parts
}

function partText(objects: number, of: number, atMost = false): string {
  if (atMost) return `${countText(objects)} of at most ${countText(of)}`
  const percent = of === 0 ? 100 : Math.floor((objects / of) * 100)
  return `${countText(objects)} of ${countText(of)} (${percent}%)`
}

function secondsLeft({ objects, of, bytes, ofBytes }: Done, objectSpeed: number, byteSpeed: number) {
  if (bytes !== undefined && ofBytes !== undefined && byteSpeed > 0) return Math.max(0, ofBytes - bytes) / byteSpeed
  if (of !== undefined && objectSpeed > 0) return Math.max(0, of - objects) / objectSpeed
  return undefined
}

const separator = ' · '

/** As many parts as the width takes: half a number would mislead. */
function fitting(parts: readonly string[], width: number): string {
  let text = ''
  for (const part of parts) {
    const longer = text === '' ? part : text + separator + part
    if (longer.length > width) break
    text = longer
  }
  return text
}

/** What is looked back on, in milliseconds: what was skipped quickly at the beginning must not promise too much. */
const window = 30_000

/** How fast an amount grows, over the last half minute. */
export class Speed {
  readonly #samples: { at: number; amount: number }[]

  constructor(at: number) {
    this.#samples = [{ at, amount: 0 }]
  }

  /** Takes note of the amount at a time in milliseconds, and tells how much it grows in a second. */
  note(at: number, amount: number): number {
    const samples = this.#samples
    const last = samples.at(-1)
    if (!last || at - last.at >= 1000) samples.push({ at, amount })
    while (samples.length > 2 && at - (samples[0]?.at ?? at) > window) samples.shift()
    const [first] = samples
    return first && at > first.at ? ((amount - first.amount) / (at - first.at)) * 1000 : 0
  }
}
