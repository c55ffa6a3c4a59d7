import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { isEnding, shutDownOnSignals } from '../../../examples/shutdown.ts'
import { blobRouter, checkContinue } from '../../../src/express.ts'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../../../src/index.ts'
import { tokens } from '../../http/tokens.ts'

// One process of a PDS with several, like the examples: node test/push/proxies/node.ts DIR PORT

const [dir = '', port = ''] = process.argv.slice(2)
const blobs = createBlobStore({
  backend: new DiskBackend({ root: join(dir, 'blobs'), durability: 'relaxed' }),
  metadata: sqliteMetadata(join(dir, 'blobs.sqlite')),
  limits: { accept: ['*/*'], mimePolicy: 'declared' },
})
await blobs.ready()
const router = blobRouter(blobs, tokens)
const server = createServer({ requestTimeout: blobs.times.upload, keepAliveTimeout: 125_000 }, (req, res) => {
  if (req.url === '/xrpc/_health') res.writeHead(isEnding() ? 503 : 200).end()
  else router(req, res)
})
server.on('checkContinue', checkContinue)
shutDownOnSignals(server, {
  async close() {
    await blobs.close()
    process.disconnect?.()
  },
})
server.listen(Number(port), '127.0.0.1')
await once(server, 'listening')
process.send?.('listening')
