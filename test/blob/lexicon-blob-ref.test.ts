import { BlobRef, lexToJson } from '@atproto/api'
import { isTypedBlobRef } from '@atproto/lex-data'
import { encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import {
  blobRefToJson,
  cidOfRecord,
  createBlobRef,
  findBlobRefs,
  isBlobRef,
  isLegacyBlobRef,
  parseBlobRef,
} from '../../src/index.ts'
import { memoryPlace } from '../support/places.ts'
import { alice, bytes, nextRev, uriOf } from '../support/samples.ts'
import { someCid } from './samples.ts'

// The class of @atproto/api, which @atproto/lexicon defines, as a client or a PDS of the older line holds references.

const instance = (mimeType = 'image/png', size = 3) => new BlobRef(CID.parse(someCid) as never, mimeType, size)
const legacy = () => BlobRef.fromJsonRef({ cid: someCid, mimeType: 'image/gif' })

describe('an instance of the class BlobRef', () => {
  test('is found in a record, in both forms', () => {
    const record = { text: 'hi', embed: { images: [{ image: instance() }, { image: legacy() }] } }
    expect(findBlobRefs(record)).toEqual([
      { cid: someCid, mimeType: 'image/png', size: 3, path: '/embed/images/0/image' },
      { cid: someCid, mimeType: 'image/gif', size: undefined, path: '/embed/images/1/image' },
    ])
    expect(findBlobRefs(record), 'as in its JSON').toEqual(findBlobRefs(lexToJson(record as never)))
    expect(findBlobRefs(instance())).toMatchObject([{ cid: someCid, path: '' }])
  })

  test('is checked like the JSON that it becomes', () => {
    expect(() => findBlobRefs({ image: instance('image/png', -5) })).toThrow(/broken blob reference: size .*\/image/)
    expect(findBlobRefs({ image: instance('no type') }, { broken: 'keep' })).toMatchObject([{ mimeType: '*/*' }])
    expect(findBlobRefs({ image: instance('no type') }, { broken: 'skip' })).toEqual([])
    const changed = Object.assign(instance(), { mimeType: 'image/changed', size: 9 })
    expect(findBlobRefs(changed), 'what is encoded').toMatchObject([{ mimeType: 'image/png', size: 3 }])
  })

  test('is parsed, but is not one of ours', () => {
    const parsed = parseBlobRef(instance())
    expect(isTypedBlobRef(parsed)).toBe(true)
    expect(parsed).toEqual(createBlobRef({ cid: someCid, mimeType: 'image/png', size: 3 }))
    expect(blobRefToJson(instance() as never)).toEqual(lexToJson(instance()))
    expect(isBlobRef(instance())).toBe(false)
    expect(isLegacyBlobRef(legacy())).toBe(false)
    expect(() => parseBlobRef(legacy())).toThrow(expect.objectContaining({ code: 'InvalidBlobRef' }))
  })

  // Fails when the encoder writes the fields of the class.
  test('gives a record the CID of what is encoded', () => {
    const record = { text: 'hi', list: [{ image: instance() }] }
    const encoded = { text: 'hi', list: [{ image: instance().original }] }
    expect(cidOfRecord(record)).toBe(cidOfRecord(encoded))
    expect(cidOfRecord(record)).not.toBe(cidOfRecord({ text: 'hi', list: [] }))
    expect(findBlobRefs(encode(encoded))).toMatchObject([{ cid: someCid }])
  })

  test('of another copy of the package, or another realm, is recognized by its shape', () => {
    class Other {
      ref = CID.parse(someCid)
      mimeType = 'image/png'
      size = 3
      original = { $type: 'blob', ref: this.ref, mimeType: this.mimeType, size: this.size }
      ipld() {
        return this.original
      }
      toJSON() {
        throw new Error('called')
      }
    }
    expect(findBlobRefs({ image: new Other() })).toMatchObject([{ size: 3 }])
  })

  test('makes its blob permanent in applyWrites, as a record and as `blobs`', async () => {
    const blobs = memoryPlace().store()
    for (const [rkey, form] of [
      ['a', 'record'],
      ['b', 'blobs'],
    ] as const) {
      const uploaded = await blobs.upload(alice, bytes(rkey), { mimeType: 'text/plain' })
      const image = new BlobRef(uploaded.ref as never, uploaded.mimeType, uploaded.size)
      const given = form === 'record' ? { record: { image } } : { blobs: [{ ref: image }] }
      const uri = uriOf(alice, rkey)
      await blobs.applyWrites(alice, [{ action: 'create', uri, ...given }], { rev: nextRev() })
      expect(await blobs.recordsFor(alice, uploaded.ref), form).toEqual([uri])
    }
  })
})
