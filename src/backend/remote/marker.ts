import { createHash } from 'node:crypto'
import type { Attempt } from '../files/file-error.ts'
import type { Downloads } from './downloads.ts'
import type { Requests } from './requests.ts'
import type { RemoteService } from './service.ts'
import { UploadSource } from './upload-source.ts'

const name = 'marker'

/** The only object that is written more than once: services replace it in one step. Throws the service's errors. */
export class Marker {
  readonly #service: RemoteService
  readonly #requests: Requests
  readonly #downloads: Downloads

  constructor(service: RemoteService, requests: Requests, downloads: Downloads) {
    this.#service = service
    this.#requests = requests
    this.#downloads = downloads
  }

  async read(signal: AbortSignal | undefined): Promise<string | null> {
    return (await this.#downloads.readAll(name, signal))?.toString() ?? null
  }

  async write(text: string, signal: AbortSignal | undefined, attempt: Attempt): Promise<void> {
    const bytes = Buffer.from(text)
    const sha256 = createHash('sha256').update(bytes).digest()
    const source = new UploadSource({ chunks: [bytes] }, attempt)
    await this.#requests.retryIfNotApplied(signal, (own, idle) =>
      this.#service.put(name, source.body(idle), { size: source.size, sha256, signal: own }),
    )
  }

  /**
   * Null if the service cannot refuse to replace it. Written twice, because a service that does not refuse the second
   * write ignores the condition.
   */
  async claim(text: string, signal: AbortSignal | undefined): Promise<string | null> {
    const putIfAbsent = this.#service.putIfAbsent?.bind(this.#service)
    if (!putIfAbsent) return null
    const found = await this.read(signal)
    if (found !== null) return found
    const bytes = Buffer.from(text)
    for (let put = 0; put < 2; put++) {
      const outcome = await this.#requests.retryIfNotApplied(signal, (own) => putIfAbsent(name, bytes, { signal: own }))
      if (outcome === 'unsupported') return null
      if (outcome === 'exists') return await this.read(signal)
    }
    return null
  }
}
