// In CommonJS, on every version of Jest.
test('a store in memory, imported', async () => {
  const { memoryBlobStore, sampleBlob } = await import('pds-blobstore/testing')
  const { ran } = await import('./suite.mjs')
  const blobs = memoryBlobStore()
  await blobs.upload('did:plc:alice', sampleBlob('image/png').bytes)
  await blobs.close()
  ran('import')
})
