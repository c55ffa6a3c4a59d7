import { BlobStoreError } from 'pds-blobstore'
import { ObjectBackend, type ObjectService } from 'pds-blobstore/object-backend'

/**
 * Stores bytes on a plain HTTP file server, such as nginx with `dav_methods PUT DELETE`, `create_full_put_path on` and
 * `autoindex_format json`. `root` is the address of an empty folder on it: `http://files.internal/pds/`.
 */
export function httpBackend(root: string, options: { spoolDirectory?: string } = {}): ObjectBackend {
  // nginx acknowledges before the disk has the bytes. If your server syncs them first, set `durable` to true.
  return new ObjectBackend({ service: new HttpFiles(root), name: 'http', durable: false, ...options })
}

class HttpFiles implements ObjectService {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  put: ObjectService['put'] = async (name, body, { size, signal }) => {
    const headers = { 'content-length': String(size) }
    await this.#ask(name, { method: 'PUT', body: ReadableStream.from(body), duplex: 'half', headers, signal })
  }

  get: ObjectService['get'] = async (name, { range, signal }) => {
    const headers = range && { range: `bytes=${range.start}-${range.end}` }
    const answer = await this.#ask(name, { headers: headers ?? {}, signal }, [404, 416])
    if (answer.status === 404) return null
    const [, whole] = answer.headers.get('content-range')?.split('/') ?? []
    const size = Number(whole ?? answer.headers.get('content-length') ?? Number.NaN)
    if (!Number.isSafeInteger(size)) throw new BlobStoreError('StorageFailed', 'the server does not state the size')
    return { size, body: answer.body ?? ReadableStream.from([]) }
  }

  delete: ObjectService['delete'] = async (name, { signal }) => {
    await this.#ask(name, { method: 'DELETE', signal }, [404])
  }

  list: ObjectService['list'] = async ({ prefix, after, limit, signal }) => {
    const answer = await this.#ask(prefix, { signal }, [404])
    if (answer.status === 404) return [] // no file was put there yet
    const files = (await answer.json()) as { name: string }[]
    const names = files.map((file) => prefix + file.name).sort()
    return names.filter((name) => name > after).slice(0, limit)
  }

  /** A response of status 2xx, or of one of `expected`. */
  async #ask(name: string, request: RequestInit, expected: readonly number[] = []): Promise<Response> {
    const answer = await fetch(new URL(name, this.#root), request)
    if (answer.ok || expected.includes(answer.status)) return answer
    await answer.body?.cancel()
    const transient = answer.status >= 500 || answer.status === 429
    const code = answer.status === 507 ? 'StorageFull' : 'StorageFailed'
    throw new BlobStoreError(code, `the server answered ${answer.status}`, {
      transient: transient && code !== 'StorageFull',
    })
  }
}
