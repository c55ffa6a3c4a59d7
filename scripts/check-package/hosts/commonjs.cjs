const { once } = require('node:events')
const express = require('express')
const { blobRouter } = require('pds-blobstore/express')
const { memoryBlobStore } = require('pds-blobstore/testing')
const { limits, options, tryBlobs } = require('./try-blobs.mjs')

// A host in CommonJS.
async function main() {
  const blobs = memoryBlobStore({ limits })
  const server = express().use(blobRouter(blobs, options)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await tryBlobs('require() with Express', blobs, server.address().port)
  server.close()
  await blobs.close()
}

main()
