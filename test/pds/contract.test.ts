import { describe } from 'vitest'
import { describeContract } from './contract-cases.ts'
import { BlobNotFoundError, FakePds } from './fake-pds.ts'

describe('for a PDS, the store meets the contract of @atproto/repo:', () => {
  describeContract(() => ({ blobstore: new FakePds().blobstore, BlobNotFoundError }))
})
