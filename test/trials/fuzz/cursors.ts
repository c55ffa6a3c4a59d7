import { type BlobStore, createBlobStore, MemoryBackend, sqliteMetadata } from '../../../src/index.ts'
import type { Random } from '../../support/random.ts'
import { alice, bytes, post } from '../../support/samples.ts'
import { codeOf, type Fuzzer, promise } from './fuzzer.ts'
import { anyText, mutateText } from './mutations.ts'

let opened: Promise<BlobStore> | null = null

/** A store with a few blobs, some temporary and some missing, opened on first use. */
function store(): Promise<BlobStore> {
  opened ??= (async () => {
    const limits = { accept: ['*/*'] }
    const blobs = createBlobStore({
      janitor: false,
      backend: new MemoryBackend(),
      metadata: sqliteMetadata(':memory:'),
      limits,
    })
    for (let n = 0; n < 5; n++) {
      const ref = await blobs.upload(alice, bytes(`blob ${n}`))
      if (n > 1) await post(blobs, alice, `r${n}`, ref)
    }
    return blobs
  })()
  return opened
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function someCursor(random: Random): string {
  const cid = 'bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4'
  const list = random.pick(['referenced', 'own', 'missing'])
  const part = (): unknown =>
    random.pick([
      cid,
      '1767225600000',
      '',
      "' OR 1=1 --",
      'NaN',
      '1e999',
      '-1',
      '\0',
      anyText(random),
      5,
      null,
      [cid],
      {},
    ])
  if (random.chance(0.5)) return encoded(random.chance(0.7) ? [list, part(), part()] : part())
  return random.chance(0.3) ? anyText(random, 300) : mutateText(random, encoded([list, part(), part()]))
}

const cursor: Fuzzer = {
  name: 'cursor',
  make(random) {
    const text = someCursor(random)
    const method = random.pick(['listPublic', 'listAll', 'listMissing'] as const)
    return {
      input: { method, cursor: text },
      async check() {
        const blobs = await store()
        try {
          const { items } = await blobs[method](alice, { cursor: text, limit: 2 })
          promise(items.length <= 2, 'a longer page')
        } catch (error) {
          const code = codeOf(error)
          promise(code === 'InvalidArgument', `its code is ${code}`)
        }
      },
    }
  },
  async close() {
    const blobs = opened
    opened = null
    await (await blobs)?.close()
  },
}

export const cursors: readonly Fuzzer[] = [cursor]
