import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import {
  BlobStoreError,
  type BlobStoreErrorCode,
  cidOfBytes,
  isBlobStoreError,
  MemoryBackend,
} from '../../src/index.ts'
import { detach } from '../../src/pds/factory.ts'
import { reconcile } from '../../src/pds/reconcile.ts'
import { pdsBlobStore } from '../../src/pds.ts'
import { privateData } from '../../src/privacy.ts'
import { picture } from '../privacy/pictures.ts'
import { sample } from './contract-cases.ts'
import { BlobNotFoundError, FakePds } from './fake-pds.ts'

const did = 'did:plc:alice'

/** A blob as it is when the PDS has committed its record. */
async function stored(pds: FakePds, blob = sample()) {
  const key = await pds.blobstore(did).putTemp(blob.bytes)
  pds.rows.set(blob.cid, 'temporary')
  await pds.blobstore(did).makePermanent(key, blob.cid)
  pds.rows.set(blob.cid, 'permanent')
  return { ...blob, key }
}

test('a picture has the CID that the PDS computed, whatever the option privacy says', async () => {
  const pds = new FakePds({ privacy: privateData() })
  const bytes = new Uint8Array(await picture('jpeg'))
  const { cid } = await stored(pds, { bytes, cid: cidOfBytes(bytes) as never })
  expect(Buffer.compare(await pds.blobstore(did).getBytes(cid), bytes)).toBe(0)
})

describe('a deletion that comes late', () => {
  test('does not touch a blob that was uploaded and referenced again', async () => {
    const pds = new FakePds()
    const { bytes, cid } = await stored(pds)
    pds.rows.delete(cid) // the record is deleted …
    await stored(pds, { bytes, cid }) // … and written again
    await pds.blobstore(did).getBytes(cid)
    await pds.blobstore(did).deleteMany([cid])
    await pds.collectAll()
    pds.broken = true // so that asking corrects nothing
    expect(Buffer.compare(await pds.blobstore(did).getBytes(cid), bytes)).toBe(0)
  })

  test('does not touch a blob that is referenced again while the PDS answers', async () => {
    const pds = new FakePds()
    const { bytes, cid } = await stored(pds)
    pds.rows.delete(cid)
    pds.meanwhile = async () => {
      await stored(pds, { bytes, cid })
      await pds.blobstore(did).getBytes(cid)
    }
    await pds.blobstore(did).deleteMany([cid])
    await pds.collectAll()
    pds.broken = true
    expect(Buffer.compare(await pds.blobstore(did).getBytes(cid), bytes)).toBe(0)
  })

  test('hides a blob that was uploaded again, until it is referenced', async () => {
    const pds = new FakePds()
    const { bytes, cid } = await stored(pds)
    await pds.blobstore(did).getBytes(cid)
    const key = await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'temporary')
    await pds.blobstore(did).deleteMany([cid])
    expect(await pds.blobstore(did).hasStored(cid)).toBe(false)
    await pds.blobstore(did).makePermanent(key, cid)
    pds.rows.set(cid, 'permanent')
    expect(Buffer.compare(await pds.blobstore(did).getBytes(cid), bytes)).toBe(0)
  })

  test('deletes nothing while the PDS cannot be asked', async () => {
    const pds = new FakePds()
    const { cid } = await stored(pds)
    pds.rows.delete(cid)
    pds.broken = true
    await expect(pds.blobstore(did).deleteMany([cid])).rejects.toThrow('the database is locked')
    pds.broken = false
    expect(await pds.blobstore(did).hasStored(cid)).toBe(true)
    await reconcile(pds)
    expect(await pds.blobstore(did).hasStored(cid)).toBe(false)
  })
})

// Fails when the reference of a quarantined blob is refused: the PDS could not commit its record.
test('a quarantined blob becomes permanent as any other, and the PDS finds it once it is released', async () => {
  const pds = new FakePds({ hooks: { inspect: async () => ({ quarantine: 'not sure' }) } })
  const { bytes, cid } = await stored(pds)
  const blobs = pds.blobstore(did)
  expect(await blobs.hasStored(cid)).toBe(false)
  await expect(blobs.getBytes(cid)).rejects.toThrow(BlobNotFoundError)
  await pds.collectAll()
  await pds.blobs.reverseTakedown(did, cid)
  expect(Buffer.compare(await blobs.getBytes(cid), bytes)).toBe(0)

  const hidden = await stored(pds)
  await blobs.quarantine(hidden.cid) // by the PDS's moderators, too
  await pds.blobs.reverseTakedown(did, hidden.cid)
  await expect(blobs.getBytes(hidden.cid)).rejects.toThrow(BlobNotFoundError)
  await blobs.unquarantine(hidden.cid)
  expect(Buffer.compare(await blobs.getBytes(hidden.cid), hidden.bytes)).toBe(0)
})

test('a source that fails before it is read is only a failed upload', async () => {
  const pds = new FakePds()
  const source = new Readable({ read() {} })
  const put = pds.blobstore(did).putTemp(source)
  source.destroy(new Error('the client hung up'))
  await expect(put).rejects.toThrow('the client hung up')
})

describe('before bytes are deleted', () => {
  test('the PDS is asked for a final answer, and what it names stays', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'permanent') // known to the PDS, and not to us
    pds.asked.length = 0
    await pds.collectAll()
    expect(pds.asked[0]).toEqual({ did, cids: [cid], final: true })
    expect(Buffer.compare(await pds.blobstore(did).getBytes(cid), bytes)).toBe(0)
  })

  test('a PDS that cannot be asked keeps everything', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    await pds.blobstore(did).putTemp(bytes)
    pds.broken = true
    await pds.collectAll()
    expect(await pds.blobs.stat(did, cid, { as: 'account' })).not.toBeNull()
    pds.broken = false
    await pds.collectAll()
    expect(await pds.blobs.stat(did, cid, { as: 'account' })).toBeNull()
  })
})

describe('temporary blobs', () => {
  test('are collected after the grace period, without a call of the PDS', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    const key = await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'temporary')
    await pds.collectAll()
    expect(await pds.blobstore(did).hasTemp(key)).toBe(false)
    await expect(pds.blobstore(did).makePermanent(key, cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    expect(await pds.blobs.stats()).toMatchObject({ count: 0, storedBytes: 0, doomedCount: 0 })
  })

  test('of repeated uploads leave nothing', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    for (let i = 0; i < 10; i++) await pds.blobstore(did).putTemp(bytes)
    await stored(pds, { cid, bytes })
    await pds.collectAll()
    expect(await pds.blobs.stats()).toMatchObject({ count: 1, storedCount: 1, doomedCount: 0 })
  })

  test('of a failed upload leave nothing', async () => {
    const pds = new FakePds()
    const source = Readable.from(
      (function* () {
        yield Buffer.alloc(2_000_000)
        throw new Error('the client hung up')
      })(),
    )
    await expect(pds.blobstore(did).putTemp(source)).rejects.toThrow('the client hung up')
    await pds.collectAll()
    expect(await pds.blobs.stats()).toMatchObject({ count: 0, reserved: 0, storedBytes: 0, doomedCount: 0 })
  })
})

describe('a record that the PDS finally does not write', () => {
  test('shows its blobs to nobody', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    const key = await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'temporary')
    await pds.blobstore(did).makePermanent(key, cid) // and then the transaction is rolled back
    expect(await pds.blobstore(did).hasStored(cid)).toBe(false)
    await expect(pds.blobstore(did).getStream(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    expect(await pds.blobs.stat(did, cid)).toBeNull()
  })

  test('keeps its blobs from being collected for a grace period only', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    const key = await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'temporary')
    await pds.blobstore(did).makePermanent(key, cid)
    await pds.collectAll()
    expect(await reconcile(pds)).toMatchObject({ released: 0 })
    expect(await pds.blobs.stat(did, cid, { as: 'account' })).not.toBeNull()
    expect(await reconcile({ ...pds, now: () => Date.now() + 25 * 3_600_000 })).toMatchObject({ released: 1 })
    await pds.collectAll()
    expect(await pds.blobs.stat(did, cid, { as: 'account' })).toBeNull()
  })

  // Fails when a pin with a time in the far future is young until then.
  test('keeps its blobs no longer if the clock that dated it ran ahead', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    const key = await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'temporary')
    await pds.blobstore(did).makePermanent(key, cid)
    const ago = (hours: number) => () => Date.now() - hours * 3_600_000
    expect(await reconcile({ ...pds, now: ago(1) })).toMatchObject({ released: 0 })
    expect(await reconcile({ ...pds, now: ago(365 * 24) })).toMatchObject({ released: 1 })
  })

  test('is asked about once, when its blob is first read; from then on the store knows', async () => {
    const pds = new FakePds()
    const { cid } = await stored(pds)
    pds.asked.length = 0
    await Promise.all([1, 2, 3].map(() => pds.blobstore(did).getBytes(cid)))
    await pds.blobstore(did).getBytes(cid)
    expect(pds.asked).toEqual([{ did, cids: [cid], final: false }])
  })
})

describe('a moderator', () => {
  /** A PDS whose answer to a first reader waits. */
  async function slowToAnswer() {
    const pds = new FakePds()
    const blob = await stored(pds)
    let answer = () => {}
    const asked = new Promise<void>((resolve) => {
      pds.meanwhile = () => {
        resolve()
        return new Promise((answered) => {
          answer = answered
        })
      }
    })
    const first = pds.blobstore(did).getBytes(blob.cid)
    await asked
    return { pds, ...blob, first, answer: () => answer() }
  }

  test('who quarantines a blob while a reader waits for the PDS has the last word', async () => {
    const { pds, cid, first, answer } = await slowToAnswer()
    await pds.blobstore(did).quarantine(cid)
    answer()
    await expect(first).rejects.toBeInstanceOf(BlobNotFoundError)
    await expect(pds.blobstore(did).getBytes(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    await reconcile(pds)
    expect(await pds.blobstore(did).hasStored(cid)).toBe(false)
    await pds.blobstore(did).unquarantine(cid)
    expect(await pds.blobstore(did).hasStored(cid)).toBe(true)
  })

  test('is not overruled by a reader that made it public at that moment', async () => {
    const { pds, cid, first, answer } = await slowToAnswer()
    const noted = pds.blobs.recordsFor
    let pinned = 0
    Object.assign(pds.blobs, {
      recordsFor: async (...args: Parameters<typeof noted>) => {
        const uris = await noted.apply(pds.blobs, args)
        // The reader ends between the moderator's query and the write that follows.
        if (pinned++ === 0) {
          answer()
          await first
        }
        return uris
      },
    })
    await pds.blobstore(did).quarantine(cid)
    expect(pinned).toBe(2)
    expect(await pds.blobstore(did).hasStored(cid)).toBe(false)
    expect(await pds.blobs.stat(did, cid)).toBeNull()
  })

  test('makes nothing public by taking down and restoring what the PDS refused', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    const key = await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'temporary')
    await pds.blobstore(did).makePermanent(key, cid) // and then the transaction is rolled back
    await pds.blobstore(did).quarantine(cid)
    await pds.blobstore(did).unquarantine(cid)
    await expect(pds.blobstore(did).getBytes(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    pds.rows.set(cid, 'permanent') // written after all
    expect(Buffer.compare(await pds.blobstore(did).getBytes(cid), bytes)).toBe(0)
  })

  test('can quarantine what is permanent in the PDS and has no pin, as after an import', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    await pds.blobs.upload(did, bytes, { enforceLimits: false })
    pds.rows.set(cid, 'permanent')
    await pds.blobstore(did).quarantine(cid)
    expect(await pds.blobstore(did).hasStored(cid)).toBe(false)
    await pds.blobstore(did).unquarantine(cid)
    expect(await pds.blobstore(did).hasStored(cid)).toBe(true)
  })
})

describe('a blob that not everybody may see', () => {
  test('is kept, and shown to nobody, however it was imported', async () => {
    const pds = new FakePds()
    const [pinned, unpinned, shown] = [await stored(pds), sample(), await stored(pds)]
    await pds.blobs.upload(did, unpinned.bytes, { enforceLimits: false })
    await pds.blobstore(did).getBytes(shown.cid)
    for (const { cid } of [pinned, unpinned, shown]) pds.rows.set(cid, 'unlisted')
    expect(await pds.blobstore(did).hasStored(pinned.cid)).toBe(false)
    expect(await pds.blobstore(did).hasStored(unpinned.cid)).toBe(false)
    await pds.collectAll()
    expect(await reconcile(pds)).toMatchObject({ released: 0, confirmed: 2 })
    await pds.collectAll()
    for (const { cid } of [pinned, unpinned, shown]) {
      expect(await pds.blobs.stat(did, cid, { as: 'account' })).not.toBeNull()
      await expect(pds.blobstore(did).getBytes(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    }
    expect(await pds.blobs.listPublic(did)).toEqual({ items: [] })
  })

  test('is hidden when its last public record is deleted', async () => {
    const pds = new FakePds()
    const { cid } = await stored(pds)
    await pds.blobstore(did).getBytes(cid)
    pds.rows.set(cid, 'unlisted')
    await pds.blobstore(did).deleteMany([cid])
    expect(await pds.blobs.stat(did, cid)).toBeNull()
    await pds.collectAll()
    expect(await pds.blobs.stat(did, cid, { as: 'account' })).not.toBeNull()
    pds.rows.set(cid, 'permanent') // a public record names it again
    await reconcile(pds)
    expect(await pds.blobs.stat(did, cid)).not.toBeNull()
  })
})

describe('after the PDS was stopped', () => {
  test('nothing temporary is forgotten, until a PDS can be asked again', async () => {
    const pds = new FakePds()
    const { cid, bytes } = sample()
    await pds.blobstore(did).putTemp(bytes)
    pds.rows.set(cid, 'permanent')
    detach(pds.blobs)
    await pds.collectAll()
    expect(await pds.blobs.stat(did, cid, { as: 'account' })).not.toBeNull()
    const again = pdsBlobStore(pds.blobs, { BlobNotFoundError, ...pds.host })
    expect(Buffer.compare(await again(did).getBytes(cid), bytes)).toBe(0)
    pds.rows.delete(cid)
    await again(did).delete(cid)
    await pds.collectAll()
    expect(await pds.blobs.stat(did, cid, { as: 'account' })).toBeNull()
  })
})

describe('an identifier that names nothing', () => {
  test.each(['alice', '', 'did:plc', '../../etc', `did:plc:${'a'.repeat(3000)}`])(
    'is not found, and is no error when deleted: the DID %j',
    async (nobody) => {
      const pds = new FakePds()
      const { cid, bytes } = sample()
      const blobstore = pds.blobstore(nobody)
      for (const call of [
        () => blobstore.getBytes(cid),
        () => blobstore.getStream(cid),
        () => blobstore.quarantine(cid),
        () => blobstore.unquarantine(cid),
        () => blobstore.makePermanent('key', cid),
      ]) {
        await expect(call()).rejects.toBeInstanceOf(BlobNotFoundError)
      }
      expect([await blobstore.hasStored(cid), await blobstore.hasTemp(`${cid}.x`)]).toEqual([false, false])
      await blobstore.delete(cid)
      await expect(blobstore.putTemp(bytes)).rejects.toMatchObject({ name: 'InvalidRequest', status: 400 })
    },
  )

  test.each([`bafyrei${'a'.repeat(52)}`, 'x', '../../x'])(
    "is not found: the CID %j, which is not a blob's",
    async (text) => {
      const blobstore = new FakePds().blobstore(did)
      const cid = { toString: () => text } as never
      await expect(blobstore.getBytes(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
      expect(await blobstore.hasStored(cid)).toBe(false)
      await blobstore.deleteMany([cid])
    },
  )

  test('is reported to the PDS’s client as not found, where the PDS itself does not check', async () => {
    const { bytes, cid } = sample()
    const pds = new FakePds()
    const key = await pds.blobstore(did).putTemp(bytes)
    await pds.collectAll()
    const error = await pds
      .blobstore(did)
      .makePermanent(key, cid)
      .catch((error) => error)
    expect(error).toBeInstanceOf(BlobNotFoundError)
    expect(error).toMatchObject({ name: 'BlobNotFound', status: 400, statusCode: 400, expose: true })
  })
})

describe('reconciling', () => {
  test('releases what a crash kept the PDS from deleting', async () => {
    const pds = new FakePds()
    const [kept, lost] = [await stored(pds), await stored(pds)]
    pds.rows.delete(lost.cid)
    expect(await reconcile(pds)).toMatchObject({ accounts: 1, blobs: 2, released: 1, confirmed: 1 })
    await pds.collectAll()
    expect(await pds.blobstore(did).hasStored(kept.cid)).toBe(true)
    expect(await pds.blobs.stats()).toMatchObject({ count: 1, storedCount: 1 })
  })

  test('leaves quarantined blobs alone', async () => {
    const pds = new FakePds()
    const { cid } = await stored(pds)
    await pds.blobstore(did).quarantine(cid)
    await reconcile(pds)
    await pds.collectAll()
    expect(await pds.blobstore(did).hasStored(cid)).toBe(false)
    await pds.blobstore(did).unquarantine(cid)
    expect(await pds.blobstore(did).hasStored(cid)).toBe(true)
  })

  test('stops when a PDS, perhaps with the wrong folder, knows nothing', { timeout: 60_000 }, async () => {
    const pds = new FakePds()
    for (let i = 0; i < 250; i++) await stored(pds)
    pds.rows.clear()
    expect(await reconcile(pds)).toMatchObject({ released: 100, stopped: true })
    expect(await reconcile(pds, { force: true })).toMatchObject({ released: 150, stopped: false })
  })

  test('keeps the blobs of an account that cannot be asked about', async () => {
    const pds = new FakePds()
    const { cid } = await stored(pds)
    pds.broken = true
    expect(await reconcile(pds)).toMatchObject({ released: 0, unknown: 1 })
    pds.broken = false
    expect(await pds.blobstore(did).hasStored(cid)).toBe(true)
  })
})

describe('when an account is deleted', () => {
  test('nothing remains, temporary and quarantined included, and it may come back', async () => {
    const pds = new FakePds()
    const [one, two, three] = [await stored(pds), await stored(pds), sample()]
    await pds.blobstore(did).putTemp(three.bytes)
    await pds.blobstore(did).quarantine(two.cid)
    const others = sample()
    await pds.blobstore('did:plc:bob').putPermanent(others.cid, others.bytes)
    pds.deleted.add(did)
    await pds.blobstore(did).deleteMany([one.cid, two.cid])
    pds.rows.clear()
    expect(await pds.blobs.usage(did)).toMatchObject({ bytes: 0, count: 0 })
    pds.rows.set(others.cid, 'permanent')
    await pds.collectAll()
    expect(await pds.blobs.stats()).toMatchObject({ count: 1, storedCount: 1, doomedCount: 0 })

    pds.deleted.delete(did)
    await stored(pds, two)
    expect(await pds.blobstore(did).hasStored(two.cid)).toBe(true)
  })

  test('and the process dies in between, reconciling reopens the account', async () => {
    const pds = new FakePds()
    await stored(pds)
    await pds.blobs.deleteAccount(did)
    await expect(pds.blobstore(did).putTemp(sample().bytes)).rejects.toThrow()
    await reconcile(pds)
    await pds.blobstore(did).putTemp(sample().bytes)
  })
})

describe('a failure of the store', () => {
  const troubles: [BlobStoreErrorCode, boolean, number | undefined][] = [
    ['StorageFailed', true, 503],
    ['StorageFailed', false, undefined],
    ['MetadataBusy', true, 503],
    ['StorageFull', false, 507],
    ['UploadExpired', true, 503],
    ['TooManyUploads', true, 429],
  ]
  test.each(troubles)('%s, transient %j, is answered by the PDS with %s', async (code, transient, status) => {
    const backend = new MemoryBackend()
    const pds = new FakePds({ backend })
    const { cid } = await stored(pds)
    const fail = async () => Promise.reject(new BlobStoreError(code, 'trouble', { transient }))
    Object.assign(backend, { put: fail, get: fail })
    const errors = [pds.blobstore(did).putTemp(sample().bytes), pds.blobstore(did).getBytes(cid)]
    for (const error of await Promise.all(errors.map((failing) => failing.catch((error) => error)))) {
      expect(error.status).toBe(status)
      expect(isBlobStoreError(status === undefined ? error : error.cause, code)).toBe(true)
    }
  })
})

describe('the limits of the store', () => {
  test('apply where the host asks for them, as errors that the PDS answers', async () => {
    const limits = { maxBlobSize: 1000, accept: ['image/*'], quota: { bytes: 120 } }
    const pds = new FakePds({ limits }, { limits: 'store' })
    const gif = (text: string) => Buffer.concat([Buffer.from('GIF89a'), Buffer.from(text.padEnd(54))])
    await pds.blobstore(did).putTemp(gif('one'))
    const refused = async (bytes: Uint8Array) => {
      const error = await pds
        .blobstore(did)
        .putTemp(Readable.from([bytes], { objectMode: false }))
        .catch((error) => error)
      return [error.status, error.name]
    }
    expect(await refused(Buffer.from('text'))).toEqual([400, 'InvalidMimeType'])
    expect(await refused(gif('x'.repeat(2000)))).toEqual([413, 'PayloadTooLarge'])
    await pds.blobstore(did).putTemp(gif('two'))
    expect(await refused(gif('three'))).toEqual([400, 'QuotaExceeded'])
    // What is refused is still read to its end: otherwise the PDS cuts the connection before the client sees the
    // reason.
    const long = Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(1000)))
    await expect(pds.blobstore(did).putTemp(long)).rejects.toMatchObject({ status: 413 })
    expect(long.readableEnded).toBe(true)
    expect(await pds.blobs.usage(did)).toMatchObject({ count: 2, reserved: 0 })
    expect(() => new FakePds({}, { limits: 'both' as never })).toThrow('limits')
  })

  test('are off by default: the PDS has its own', async () => {
    const pds = new FakePds({
      limits: {
        maxBlobSize: 10,
        accept: ['image/png'],
        allowEmpty: false,
        quota: { bytes: 5 },
        uploads: { account: 1 },
      },
    })
    const blobs = [sample(0), sample(100), sample(2_000_000)]
    await Promise.all(
      blobs.map(async ({ bytes, cid }) => {
        const source = Readable.from([Buffer.from(bytes)], { objectMode: false })
        await pds.blobstore(did).makePermanent(await pds.blobstore(did).putTemp(source), cid)
      }),
    )
    for (const { bytes, cid } of blobs) expect((await pds.blobstore(did).getBytes(cid)).length).toBe(bytes.length)
    expect(await pds.blobs.usage(did)).toMatchObject({ reserved: 0 })
    await expect(pds.blobs.upload(did, new Uint8Array(11))).rejects.toThrow('larger than 10')
  })

  test('do not turn off its hook, which inspects and refuses with an error that the PDS answers with 400', async () => {
    const pds = new FakePds({ hooks: { inspect: async () => ({ refuse: 'not here' }) } })
    const refusal = await pds
      .blobstore(did)
      .putTemp(sample().bytes)
      .catch((error) => error)
    expect(refusal).toMatchObject({ name: 'BlobRefused', status: 400, statusCode: 400, expose: true })
    expect(isBlobStoreError(refusal.cause, 'BlobRefused')).toBe(true)
  })
})

describe('pdsBlobStore', () => {
  test('serves one PDS with one store', () => {
    const pds = new FakePds()
    expect(() => pdsBlobStore(pds.blobs, { BlobNotFoundError, ...pds.host })).toThrow('has a host already')
  })

  test('refuses unusable arguments, with a message', () => {
    const { host } = new FakePds()
    const blobs = { upload() {}, hooks: {} } as never
    expect(() => pdsBlobStore({} as never, { BlobNotFoundError, ...host })).toThrow('createBlobStore')
    expect(() => pdsBlobStore(blobs, { ...host } as never)).toThrow('BlobNotFoundError')
    expect(() => pdsBlobStore(blobs, { BlobNotFoundError } as never)).toThrow('referenced')
    expect(() => pdsBlobStore(blobs, { BlobNotFoundError, ...host, odd: 1 } as never)).toThrow('unknown option "odd"')
  })

  test('accepts a plain list of what is referenced', async () => {
    const pds = new FakePds()
    pds.blobs.setHooks({ referenced: undefined })
    const { bytes, cid } = sample()
    const blobstore = pdsBlobStore(pds.blobs, { BlobNotFoundError, referenced: async () => [cid] })(did)
    await blobstore.makePermanent(await blobstore.putTemp(bytes), cid)
    await blobstore.delete(cid)
    await pds.collectAll()
    expect(await blobstore.hasStored(cid)).toBe(true)
  })
})
