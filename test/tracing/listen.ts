import { type Traced, traceChannels } from '../../src/index.ts'

export interface Heard {
  /** `upload`, `backend:put`. */
  name: string
  event: 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'
  /** The message as it was when the event came. */
  message: Record<string, unknown>
}

/** Listens to all channels until it is disposed. */
export class Listener implements Disposable {
  readonly heard: Heard[] = []
  readonly #stop: (() => void)[] = []

  constructor() {
    for (const [name, channel] of Object.entries(traceChannels.store)) this.#listen(name, channel)
    for (const [name, channel] of Object.entries(traceChannels.backend)) this.#listen(`backend:${name}`, channel)
  }

  /** The messages at the end of calls. */
  ends(name: string): Record<string, unknown>[] {
    return this.heard.filter((one) => one.name === name && one.event === 'asyncEnd').map(({ message }) => message)
  }

  #listen<Message extends object>(name: string, channel: Traced<Message>): void {
    const on = (event: Heard['event']) => (message: object) =>
      this.heard.push({ name, event, message: { ...message } as Heard['message'] })
    const subscribers = {
      start: on('start'),
      end: on('end'),
      asyncStart: on('asyncStart'),
      asyncEnd: on('asyncEnd'),
      error: on('error'),
    }
    channel.subscribe(subscribers)
    this.#stop.push(() => channel.unsubscribe(subscribers))
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop) stop()
  }
}
