import { inject, onTestFinished, test } from 'vitest'
import type { S3Backend, S3BackendOptions } from '../../../src/s3.ts'
import type { S3Address } from '../../servers/ceph.ts'
import { FaultProxy } from '../../servers/fault-proxy.ts'
import { S3Place } from '../../support/s3.ts'

/** A test that needs a real S3 server: skipped where there is none, unless `REQUIRE_S3` forbids that. */
export const s3Test: ReturnType<typeof test.skipIf> = test.skipIf(!inject('s3'))

export function s3Address(): S3Address {
  const address = inject('s3')
  if (!address) throw new Error('There is no S3 server')
  return address
}

export interface Fixture {
  place: S3Place
  /** Backends of `open` connect through it; the place's own client does not. */
  proxy: FaultProxy
  /** An opened backend behind the proxy; closed when the test is finished. */
  open(options?: Partial<S3BackendOptions>): Promise<S3Backend>
}

/** A separate prefix behind a separate proxy, removed after the test. */
export async function openFixture(): Promise<Fixture> {
  const address = s3Address()
  const place = new S3Place(address)
  const proxy = await FaultProxy.start(address.endpoint)
  const { accessKeyId, secretAccessKey } = address
  const backends: S3Backend[] = []
  onTestFinished(async () => {
    for (const backend of backends) await backend.close()
    await proxy.stop()
    await place.remove()
  })
  return {
    place,
    proxy,
    async open(options = {}) {
      const credentials = { accessKeyId, secretAccessKey }
      const backend = place.backend({ endpoint: proxy.endpoint, credentials, ...options })
      await backend.open()
      backends.push(backend)
      proxy.reset()
      return backend
    },
  }
}

export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`Still not so after 5 s: ${what}`)
}
