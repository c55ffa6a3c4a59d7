import { countText, sizeText, timeText } from './amounts.ts'
import { type Output, widthOf } from './table.ts'

export interface Done {
  objects: number
  /** The total, where it is known. */
  of?: number
  /** Whether `of` includes some that need no work. @default false */
  atMost?: boolean
  bytes?: number
  /** The total in bytes: it predicts the remaining time better than the number of objects. */
  ofBytes?: number
}

export interface ProgressOptions {
  /** The command's name, for the lines when there is no terminal. */
  name: string
  stream: Output
  /** Shows nothing. @default false */
  quiet?: boolean
  /** In milliseconds. */
  now?: () => number
}

/** One line on a terminal, redrawn; elsewhere a line now and then, so that a log shows progress. */
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

  /** Clears the line, so that the next output stands alone. */
  clear(): void {
    if (this.#isDrawn) this.#options.stream.write('\r\u001b[2K')
    this.#isDrawn = false
  }

  /** Ten times a second on a terminal. In a log every 5 seconds, and later every minute. */
  #interval(now: number): number {
    if (this.#options.stream.isTTY) return 100
    return now - this.#started < 60_000 ? 5000 : 60_000
  }
}

/** The most important ones first. */
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

/** As many parts as fit: half a number would mislead. */
function fitting(parts: readonly string[], width: number): string {
  let text = ''
  for (const part of parts) {
    const longer = text === '' ? part : text + separator + part
    if (longer.length > width) break
    text = longer
  }
  return text
}

/**
 * How far back the speed is measured, in milliseconds: objects that were skipped quickly at the beginning must not
 * promise too much.
 */
const window = 30_000

/** How fast an amount grows, over the last half minute. */
export class Speed {
  readonly #samples: { at: number; amount: number }[]

  constructor(at: number) {
    this.#samples = [{ at, amount: 0 }]
  }

  /** Records the amount at a time in milliseconds, and returns its growth in a second. */
  note(at: number, amount: number): number {
    const samples = this.#samples
    const last = samples.at(-1)
    if (!last || at - last.at >= 1000) samples.push({ at, amount })
    while (samples.length > 2 && at - (samples[0]?.at ?? at) > window) samples.shift()
    const [first] = samples
    return first && at > first.at ? ((amount - first.amount) / (at - first.at)) * 1000 : 0
  }
}
