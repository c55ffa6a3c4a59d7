import { createHash, type Hash } from 'node:crypto'
import { resolve } from 'node:path'
import { BlobStoreError } from '../../errors.ts'
import type { Spool } from '../backend.ts'
import { type Attempt, fileError } from '../files/file-error.ts'
import { FileSpool, type FileSpoolOptions } from '../files/file-spool.ts'
import { type Floor, FreeSpace } from '../files/free-space.ts'
import { SpoolFile, sweepSpoolFiles } from '../files/spool-file.ts'
import { defaultSpoolDirectory, openSpoolDirectory } from './spool-directory.ts'
import { UploadSource } from './upload-source.ts'

export interface SpoolsOptions {
  backend: string
  /** @default one in the system's temporary folder */
  directory: string | undefined
  /** What must stay free there. */
  minFree: Floor
  /** In bytes: parts of that size are hashed as they arrive. */
  partSize: number | undefined
}

/**
 * Where a backend without files of its own keeps bytes that are being received. Throws the library's errors, about
 * files only.
 */
export class Spools {
  readonly #options: SpoolsOptions
  readonly #path: string
  readonly #space: FreeSpace
  readonly #open = new Set<FileSpool>()

  constructor(options: SpoolsOptions) {
    this.#options = options
    this.#path = resolve(options.directory ?? defaultSpoolDirectory())
    this.#space = new FreeSpace(this.#path, options.minFree)
  }

  /**
   * Creates the directory if it is missing, and checks it. Called before each use, because cleaners delete what was not
   * used for long.
   */
  openDirectory(attempt: Attempt): Promise<void> {
    return onDisk(attempt, () => openSpoolDirectory(this.#path))
  }

  async create(attempt: Attempt): Promise<Spool> {
    await this.openDirectory(attempt)
    const file = await onDisk(attempt, async () => {
      await this.#space.take(0, 1)
      return await SpoolFile.create(this.#path)
    })
    const explain = (error: unknown): unknown => fileError(error, { ...attempt, verb: 'write a spool file' })
    const options = { file, space: this.#space, explain, open: this.#open }
    return new HashedSpool(this.#options.partSize ?? Number.POSITIVE_INFINITY, options)
  }

  /** Takes what was written to a spool; the caller must close it. The file stays until it is discarded. */
  async take(spool: Spool, attempt: Attempt): Promise<UploadSource> {
    if (!(spool instanceof HashedSpool) || !this.#open.delete(spool)) {
      const message = 'The spool is of another backend, or was discarded or put before'
      throw new BlobStoreError('InvalidArgument', message, { backend: this.#options.backend })
    }
    const { file } = spool
    return await onDisk(attempt, async () => {
      await file.finish(false) // it need not survive a crash
      const opened = { fd: await file.openToRead(), size: file.size, digests: spool.digests() }
      return new UploadSource({ file: opened }, attempt)
    })
  }

  async sweep(olderThan: number, signal: AbortSignal | undefined, attempt: Attempt): Promise<number> {
    await this.openDirectory(attempt)
    return await onDisk(attempt, () => sweepSpoolFiles(this.#path, olderThan, signal))
  }

  async discardAll(): Promise<void> {
    await Promise.all([...this.#open].map((spool) => spool.discard()))
  }
}

/** Sockets and files have the same error codes. Only here is it known that the error is a file's. */
async function onDisk<T>(attempt: Attempt, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw fileError(error, attempt)
  }
}

/** Also hashes the bytes in the parts in which they may be sent. */
class HashedSpool extends FileSpool {
  readonly #partSize: number
  readonly #digests: Uint8Array[] = []
  #part: Hash | undefined
  #inPart = 0

  constructor(partSize: number, options: FileSpoolOptions) {
    super(options)
    this.#partSize = partSize
  }

  override async write(chunks: readonly Uint8Array[]): Promise<void> {
    // Write first, because it may fail: then the hashes match the file.
    await super.write(chunks)
    if (this.#partSize < Number.POSITIVE_INFINITY) for (const chunk of chunks) this.#hash(chunk)
  }

  /** The hash of each part; the last part is the rest. To be called once, after the last write. */
  digests(): Uint8Array[] {
    this.#endPart()
    return this.#digests
  }

  #hash(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; ) {
      const piece = chunk.subarray(at, at + this.#partSize - this.#inPart)
      this.#part ??= createHash('sha256')
      this.#part.update(piece)
      this.#inPart += piece.byteLength
      at += piece.byteLength
      if (this.#inPart === this.#partSize) this.#endPart()
    }
  }

  #endPart(): void {
    if (this.#part) this.#digests.push(this.#part.digest())
    this.#part = undefined
    this.#inPart = 0
  }
}
