import { isBlobStoreError } from '../errors.ts'
import type { Traced } from '../tracing/channels.ts'
import { Histogram } from './histogram.ts'

/** Times calls from their traces, by labels and outcome. */
export class Latencies {
  readonly #name: string
  /** By labels, then by outcome: so that a call builds no text. */
  readonly #series = new Map<string, Map<string, Histogram>>()
  readonly #starts = new WeakMap<object, number>()

  constructor(name: string) {
    this.#name = name
  }

  /** Times the calls of a channel until the returned function is called. `labelsOf` gives one of few texts. */
  listen<Message extends { error?: unknown }>(
    channel: Traced<Message>,
    labelsOf: (message: Message) => string,
  ): () => void {
    const onStart = (message: unknown): void => void this.#starts.set(message as Message, performance.now())
    const onEnd = (published: unknown): void => {
      const message = published as Message
      const start = this.#starts.get(message)
      if (start === undefined) return // it began before
      this.#observe(labelsOf(message), outcomeOf(message.error), (performance.now() - start) / 1000)
    }
    channel.start.subscribe(onStart)
    channel.asyncEnd.subscribe(onEnd)
    return () => {
      channel.start.unsubscribe(onStart)
      channel.asyncEnd.unsubscribe(onEnd)
    }
  }

  lines(): string[] {
    return [...this.#series].flatMap(([labels, outcomes]) =>
      [...outcomes].flatMap(([outcome, one]) => one.lines(this.#name, `${labels},outcome="${outcome}"`)),
    )
  }

  #observe(labels: string, outcome: string, seconds: number): void {
    const outcomes = this.#series.get(labels) ?? new Map<string, Histogram>()
    const histogram = outcomes.get(outcome) ?? new Histogram()
    this.#series.set(labels, outcomes.set(outcome, histogram))
    histogram.observe(seconds)
  }
}

/** A label with few values: the closed list of codes. */
const outcomeOf = (error: unknown): string => (error ? (isBlobStoreError(error) ? error.code : 'other') : 'ok')
