import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobBackend, MetadataAdapter } from '../../../src/index.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import { meddle } from '../../support/meddling.ts'
import type { Journal } from './journal.ts'
import type { Plan, Step } from './steps.ts'

/** Kills this process at the planned step: before the step has an effect, during it, or after its effect. */
export class Trap {
  readonly #journal: Journal
  #plan: Plan | null = null
  #armed = 0
  #calls = 0

  constructor(journal: Journal) {
    this.#journal = journal
  }

  arm(plan: Plan | null): void {
    this.#plan = plan
    this.#armed = plan ? performance.now() + plan.after : 0
    this.#calls = 0
  }

  async #pass<T>(step: Step, call: () => Promise<T>): Promise<T> {
    const plan = this.#plan
    if (plan?.step !== step || performance.now() < this.#armed) return call()
    this.#calls += 1
    if (this.#calls !== plan.call) return call()
    if (plan.moment === 'before') this.#die(plan)
    const running = call()
    running.catch(() => {})
    if (plan.moment === 'during') await Promise.race([aMoment(), running.catch(() => {})])
    else await running.catch(() => {})
    this.#die(plan)
  }

  #die({ step, moment }: Plan): never {
    this.#journal.killed(step, moment)
    process.kill(process.pid, 'SIGKILL')
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }

  backend(inner: BlobBackend): BlobBackend {
    return meddle(inner, {
      spool: (options) =>
        this.#pass('spool', async () => {
          // Replaced in the spool itself: the backend accepts only its own for `put`.
          const spool = await inner.spool(options)
          const [write, discard] = [spool.write.bind(spool), spool.discard.bind(spool)]
          spool.write = (chunks) => this.#pass('fill', () => write(chunks))
          spool.discard = () => this.#pass('discard', discard)
          return spool
        }),
      put: (key, body, options) => this.#pass('put', () => inner.put(key, body, options)),
      delete: (keys, options) => this.#pass('delete', () => inner.delete(keys, options)),
      list: (options) => this.#pass('list', () => inner.list(options)),
      sweepSpools: (olderThan, options) => this.#pass('sweepSpools', () => inner.sweepSpools(olderThan, options)),
      readMarker: (options) => this.#pass('readMarker', () => inner.readMarker(options)),
      claimMarker: (marker, options) => inner.claimMarker(marker, options), // once, when the place is created
      writeMarker: (marker, options) => this.#pass('writeMarker', () => inner.writeMarker(marker, options)),
    })
  }

  metadata(inner: MetadataAdapter): MetadataAdapter {
    return { open: async () => this.#eachStepOf(await inner.open()) }
  }

  #eachStepOf(metadata: Metadata): Metadata {
    return new Proxy(metadata, {
      get: (target, name, receiver) => {
        const method: unknown = Reflect.get(target, name, receiver)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => {
          const nothing = Array.isArray(args[0]) && args[0].length === 0
          return nothing ? method.apply(target, args) : this.#pass(name as Step, () => method.apply(target, args))
        }
      },
    })
  }
}

/**
 * A transaction of SQLite runs in microtasks alone, so some turns of them end within one; what the backend does takes
 * turns of the event loop.
 */
async function aMoment(): Promise<void> {
  if (Math.random() < 0.5) await sleep(Math.random() * 4)
  else for (let turn = Math.random() * 150; turn > 0; turn--) await null
}
