import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'

/** What a worker records, out of reach of the cut: a promise counts when it is here. */
export type Entry =
  /** An upload was acknowledged. */
  | { uploaded: string; did: string }
  /** A record is about to reference a blob, or none. */
  | { writing: string; did: string; cid: string | null }
  | { written: string }
  | { refused: string }
  | { collected: number }
  /** What should not fail did, at this time. */
  | { failed: string; at: number }

export class Journal {
  readonly #fd: number

  constructor(path: string) {
    this.#fd = openSync(path, 'a')
  }

  write(entry: Entry): void {
    writeSync(this.#fd, `${JSON.stringify(entry)}\n`)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** All entries; a kill may have truncated the last line, which then promises nothing. */
export function readJournal(path: string): Entry[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Entry)
}
