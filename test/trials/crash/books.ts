import type { ChildOptions } from './child.ts'
import { Journal, JournalReader, type Line } from './journal.ts'
import { Ledger } from './ledger.ts'
import type { Place } from './place.ts'

/** The journals of all processes, read by their parent. */
export class Books {
  readonly #place: Place
  readonly #books = new Map<string, { ledger: Ledger; reader: JournalReader }>()

  constructor(place: Place, crew: readonly Pick<ChildOptions, 'name' | 'times'>[]) {
    this.#place = place
    for (const { name, times } of crew) {
      this.#books.set(name, {
        ledger: new Ledger(times.grace ?? 0),
        reader: new JournalReader(place.journal(name)),
      })
    }
  }

  get ledgers(): Ledger[] {
    return [...this.#books.values()].map(({ ledger }) => ledger)
  }

  /** Reads what was added to the journals, and returns it. */
  read(): Line[] {
    return [...this.#books.values()].flatMap(({ ledger, reader }) => {
      const lines = reader.read()
      ledger.read(lines)
      return lines
    })
  }

  /** The process is dead. Returns how many of its uploads were running. */
  bury(name: string): number {
    return this.#books.get(name)?.ledger.bury() ?? 0
  }

  /** Records for all, whose processes must be dead, that everything temporary was collected. */
  settled(): void {
    for (const name of this.#books.keys()) {
      const journal = new Journal(this.#place.journal(name))
      journal.settled()
      journal.close()
    }
  }

  /** Deletes what was read, while no process runs: a long trial would fill the disk. */
  empty(): void {
    for (const { reader } of this.#books.values()) reader.empty()
  }
}
