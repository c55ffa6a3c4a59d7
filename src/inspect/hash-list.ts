import type { Stats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { digestOfCid, isBlobCid } from '../blob/cid.ts'
import { invalidArgument } from '../options.ts'
import { assertInspectorOptions, type FindingOptions, guarded, type Inspector } from './inspector.ts'

export interface HashListOptions extends FindingOptions {
  /**
   * What the uploader reads or, with `verdict: 'quarantine'`, a moderator.
   * @default 'this file is not allowed here', 'a list of hashes names it'
   */
  reason?: string | undefined
}

const digestLength = 32

/**
 * Refuses, or quarantines, blobs that a file lists: one SHA-256 in hexadecimal digits, or one CID, a line. What follows
 * after a space is ignored, as are empty lines and those that begin with `#`. A line that is neither makes the whole file
 * invalid: a list of which half was not understood would look as if it worked. It takes some 60 bytes of memory a line.
 *
 * The file is read again when it has changed: write a new one, and rename it into its place, for what is listed half may be
 * taken for the whole.
 *
 * @throws `InvalidArgument`
 */
export function hashList(file: string, options: HashListOptions = {}): Inspector {
  assertInspectorOptions('hashList', options, ['reason', 'verdict'])
  if (typeof file !== 'string' || file === '') throw invalidArgument('hashList', 'file must be the path of a list')
  const { reason } = options
  const listed =
    options.verdict === 'quarantine'
      ? { quarantine: reason ?? 'a list of hashes names it' }
      : { refuse: reason ?? 'this file is not allowed here' }
  const list = new HashList(file)
  const inspect: Inspector = async ({ cid }) => ((await list.has(digestOfCid(cid))) ? listed : undefined)
  return guarded('hashList', inspect, options)
}

class HashList {
  readonly #file: string
  #version = ''
  #sorted: Buffer[] = []
  #reading: Promise<void> | null = null

  constructor(file: string) {
    this.#file = file
  }

  async has(digest: Uint8Array): Promise<boolean> {
    // Again if it has changed while it was read: what was listed before this upload began must be seen.
    while (versionOf(await stat(this.#file)) !== this.#version) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = null
      })
      await this.#reading
    }
    return this.#search(digest)
  }

  async #read(): Promise<void> {
    const file = await open(this.#file)
    try {
      const version = versionOf(await file.stat())
      const digests: Buffer[] = []
      let number = 0
      for await (const line of file.readLines({ autoClose: false })) {
        number += 1
        const [text = ''] = line.trim().split(/\s/, 1)
        if (text === '' || text.startsWith('#')) continue
        digests.push(this.#digestOf(text, number))
      }
      // Of a list that is being written the rest may be missing.
      if (versionOf(await file.stat()) !== version) throw new Error('The list of hashes changed while it was read')
      this.#sorted = digests.sort(Buffer.compare)
      this.#version = version
    } finally {
      await file.close()
    }
  }

  #digestOf(text: string, line: number): Buffer {
    if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
    if (isBlobCid(text)) return Buffer.from(digestOfCid(text))
    throw new Error(`Line ${line} of the list of hashes is neither a SHA-256 nor a CID`)
  }

  #search(digest: Uint8Array): boolean {
    let [low, high] = [0, this.#sorted.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = Buffer.compare(this.#sorted[middle] ?? Buffer.alloc(digestLength), digest)
      if (order === 0) return true
      if (order < 0) low = middle + 1
      else high = middle
    }
    return false
  }
}

const versionOf = ({ mtimeMs, size, ino }: Stats): string => `${mtimeMs} ${size} ${ino}`
