const { memoryBlobStore, sampleBlob } = require('pds-blobstore/testing')
const { ran } = require('./suite.mjs')

// In CommonJS, from Jest 30 and Node 24.9 on.
test('a store in memory, required', async () => {
  const blobs = memoryBlobStore()
  await blobs.upload('did:plc:alice', sampleBlob('image/png').bytes)
  await blobs.close()
  ran('require')
})
