import { once } from 'node:events'
import { Duplex, Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { cidOfBytes } from '../../src/index.ts'
import type { PdsBlobStoreFactory } from '../../src/pds.ts'

export interface ContractPlace {
  blobstore: PdsBlobStoreFactory
  BlobNotFoundError: new () => Error
}

let samples = 0
/** Bytes that no other call returns, and their CID. */
export function sample(size = 100) {
  const bytes = new Uint8Array(Buffer.alloc(size, `sample ${samples++} `))
  return { bytes, cid: cidOfBytes(bytes) as never }
}

/**
 * What every blob store of `@atproto/pds` does; `make` is called once for each case. The PDS's own store passes it too,
 * except for the cases that it fails, which are marked.
 */
export function describeContract(
  make: () => ContractPlace | Promise<ContractPlace>,
  options: { lenient?: boolean } = {},
) {
  const strict = test.skipIf(options.lenient === true)
  const did = 'did:plc:alice'

  describe('a temporary blob', () => {
    test('exists under its key, and is not stored', async () => {
      const blobstore = (await make()).blobstore(did)
      const { bytes, cid } = sample()
      const key = await blobstore.putTemp(bytes)
      expect(await blobstore.hasTemp(key)).toBe(true)
      expect(await blobstore.hasStored(cid)).toBe(false)
    })

    test.each([0, 12, 3_000_000])('of %i bytes may come as a stream', async (size) => {
      const blobstore = (await make()).blobstore(did)
      const { bytes, cid } = sample(size)
      const key = await blobstore.putTemp(Readable.from([Buffer.from(bytes)], { objectMode: false }))
      await blobstore.makePermanent(key, cid)
      expect(Buffer.compare(await blobstore.getBytes(cid), bytes)).toBe(0)
    })

    strict('of a duplex that ends later on its writable side is waited for', async () => {
      const blobstore = (await make()).blobstore(did)
      const late = new Duplex({
        read() {
          this.push('hello')
          this.push(null)
        },
        write: (_chunk, _encoding, done) => done(),
        final: (done) => void setTimeout(done, 100),
      })
      late.end('hello')
      await blobstore.putTemp(late)
      expect([late.readableEnded, late.writableFinished, late.errored]).toEqual([true, true, null])
    })

    test('has a key of its own, whatever its bytes', async () => {
      const blobstore = (await make()).blobstore(did)
      const { bytes, cid } = sample()
      const [one, two] = [await blobstore.putTemp(bytes), await blobstore.putTemp(bytes)]
      expect(one).not.toBe(two)
      await blobstore.makePermanent(two, cid)
      await blobstore.makePermanent(one, cid)
      expect(await blobstore.hasTemp(one)).toBe(false)
      expect(await blobstore.hasTemp(two)).toBe(false)
      expect(await blobstore.hasStored(cid)).toBe(true)
    })

    test('with bytes that are already stored is temporary too', async () => {
      const blobstore = (await make()).blobstore(did)
      const { bytes, cid } = sample()
      await blobstore.makePermanent(await blobstore.putTemp(bytes), cid)
      const again = await blobstore.putTemp(bytes)
      expect([await blobstore.hasTemp(again), await blobstore.hasStored(cid)]).toEqual([true, true])
      await blobstore.makePermanent(again, cid)
      expect([await blobstore.hasTemp(again), await blobstore.hasStored(cid)]).toEqual([false, true])
    })

    test('whose source fails rejects with the error of the source', async () => {
      const blobstore = (await make()).blobstore(did)
      const source = new Readable({ read() {} })
      source.push('some')
      setTimeout(() => source.destroy(new Error('the client hung up')), 20)
      await expect(blobstore.putTemp(source)).rejects.toThrow('the client hung up')
    })

    test('with an unknown key is not found', async () => {
      const { blobstore } = await make()
      for (const key of ['', 'nothing', 'a'.repeat(32), `${sample().cid}`]) {
        if (key !== '') expect(await blobstore(did).hasTemp(key)).toBe(false)
      }
    })
  })

  describe('making permanent', () => {
    test('stores the blob, for each instance of the account', async () => {
      const { blobstore } = await make()
      const { bytes, cid } = sample()
      const key = await blobstore(did).putTemp(bytes)
      await blobstore(did).makePermanent(key, cid)
      expect(await blobstore(did).hasTemp(key)).toBe(false)
      expect(await blobstore(did).hasStored(cid)).toBe(true)
      expect(Buffer.compare(await blobstore(did).getBytes(cid), bytes)).toBe(0)
      const chunks = await (await blobstore(did).getStream(cid)).toArray()
      expect(Buffer.compare(Buffer.concat(chunks), bytes)).toBe(0)
    })

    strict('is idempotent', async () => {
      const blobstore = (await make()).blobstore(did)
      const { bytes, cid } = sample()
      const key = await blobstore.putTemp(bytes)
      await blobstore.makePermanent(key, cid)
      await blobstore.makePermanent(key, cid)
      expect(await blobstore.hasStored(cid)).toBe(true)
    })

    strict('of what is not there is not found', async () => {
      const { blobstore, BlobNotFoundError } = await make()
      const { bytes, cid } = sample()
      const key = await blobstore('did:plc:bob').putTemp(bytes)
      await expect(blobstore(did).makePermanent(key, cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    })

    strict('under another CID than that of the bytes is refused', async () => {
      const blobstore = (await make()).blobstore(did)
      const key = await blobstore.putTemp(sample().bytes)
      await expect(blobstore.makePermanent(key, sample().cid)).rejects.toThrow('The bytes have the CID')
    })
  })

  describe('putting permanently', () => {
    test('stores at once, from bytes and from a stream', async () => {
      const blobstore = (await make()).blobstore(did)
      const [one, two] = [sample(), sample()]
      await blobstore.putPermanent(one.cid, one.bytes)
      await blobstore.putPermanent(two.cid, Readable.from([Buffer.from(two.bytes)]))
      expect(Buffer.compare(await blobstore.getBytes(one.cid), one.bytes)).toBe(0)
      expect(Buffer.compare(await blobstore.getBytes(two.cid), two.bytes)).toBe(0)
    })

    strict('of other bytes than the CID names is refused', async () => {
      const blobstore = (await make()).blobstore(did)
      const { cid } = sample()
      await expect(blobstore.putPermanent(cid, sample().bytes)).rejects.toThrow('The bytes have the CID')
      expect(await blobstore.hasStored(cid)).toBe(false)
    })
  })

  describe('a quarantined blob', () => {
    test('is not readable, until it is released', async () => {
      const { blobstore, BlobNotFoundError } = await make()
      const { bytes, cid } = sample()
      await blobstore(did).putPermanent(cid, bytes)
      await blobstore(did).quarantine(cid)
      expect(await blobstore(did).hasStored(cid)).toBe(false)
      await expect(blobstore(did).getBytes(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
      await expect(blobstore(did).getStream(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
      await blobstore(did).unquarantine(cid)
      expect(Buffer.compare(await blobstore(did).getBytes(cid), bytes)).toBe(0)
    })

    test('is not another account’s', async () => {
      const { blobstore } = await make()
      const { bytes, cid } = sample()
      await blobstore(did).putPermanent(cid, bytes)
      await blobstore('did:plc:bob').putPermanent(cid, bytes)
      await blobstore(did).quarantine(cid)
      expect(await blobstore('did:plc:bob').hasStored(cid)).toBe(true)
    })

    test('can be uploaded again, because the PDS itself refuses what it must', async () => {
      const blobstore = (await make()).blobstore(did)
      const { bytes, cid } = sample()
      await blobstore.putPermanent(cid, bytes)
      await blobstore.quarantine(cid)
      expect(await blobstore.hasTemp(await blobstore.putTemp(bytes))).toBe(true)
      expect(await blobstore.hasStored(cid)).toBe(false)
    })

    test('that is temporary is not found, and can be made permanent later', async () => {
      const { blobstore, BlobNotFoundError } = await make()
      const { bytes, cid } = sample()
      const key = await blobstore(did).putTemp(bytes)
      await expect(blobstore(did).quarantine(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
      await expect(blobstore(did).unquarantine(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
      await blobstore(did).makePermanent(key, cid)
      expect(await blobstore(did).hasStored(cid)).toBe(true)
    })

    test('that does not exist is not found', async () => {
      const { blobstore, BlobNotFoundError } = await make()
      await expect(blobstore(did).quarantine(sample().cid)).rejects.toBeInstanceOf(BlobNotFoundError)
      await expect(blobstore(did).unquarantine(sample().cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    })
  })

  describe('deleting', () => {
    test('deletes what is stored, for this account alone', async () => {
      const { blobstore, BlobNotFoundError } = await make()
      const blobs = [sample(), sample(), sample()]
      for (const { cid, bytes } of blobs) {
        await blobstore(did).putPermanent(cid, bytes)
        await blobstore('did:plc:bob').putPermanent(cid, bytes)
      }
      const [first, ...others] = blobs.map(({ cid }) => cid)
      await blobstore(did).delete(first as never)
      await blobstore(did).deleteMany(others)
      for (const { cid } of blobs) {
        expect(await blobstore(did).hasStored(cid)).toBe(false)
        await expect(blobstore(did).getBytes(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
        await expect(blobstore(did).getStream(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
        expect(await blobstore('did:plc:bob').hasStored(cid)).toBe(true)
      }
    })

    test('ignores what does not exist', async () => {
      const blobstore = (await make()).blobstore(did)
      await blobstore.delete(sample().cid)
      await blobstore.deleteMany([])
      await blobstore.deleteMany([sample().cid, sample().cid])
    })

    test('can be followed by a new upload', async () => {
      const blobstore = (await make()).blobstore(did)
      const { bytes, cid } = sample()
      await blobstore.putPermanent(cid, bytes)
      await blobstore.delete(cid)
      await blobstore.makePermanent(await blobstore.putTemp(bytes), cid)
      expect(Buffer.compare(await blobstore.getBytes(cid), bytes)).toBe(0)
    })
  })

  test('a stream that is abandoned releases what it read', async () => {
    const blobstore = (await make()).blobstore(did)
    const { bytes, cid } = sample(3_000_000)
    await blobstore.putPermanent(cid, bytes)
    const stream = await blobstore.getStream(cid)
    await once(stream, 'readable')
    stream.destroy()
    await once(stream, 'close')
  })

  test('the methods are on the prototype, where the PDS’s own tests patch them', async () => {
    const blobstore = (await make()).blobstore(did)
    for (const method of ['putTemp', 'makePermanent', 'getStream', 'deleteMany']) {
      expect(Object.keys(Object.getOwnPropertyDescriptors(blobstore.constructor.prototype))).toContain(method)
    }
  })
}
