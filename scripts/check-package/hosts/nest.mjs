import 'reflect-metadata'
import assert from 'node:assert/strict'
import { Body, Controller, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { blobRouter } from 'pds-blobstore/express'
import { memoryBlobStore } from 'pds-blobstore/testing'
import { limits, options, tryBlobs } from './try-blobs.mjs'

// The blob routes in NestJS, beside a controller whose bodies Nest parses. Without a compiler, decorators are functions.

class Echo {
  echo(body) {
    return body
  }
}
Post('echo')(Echo.prototype, 'echo', Object.getOwnPropertyDescriptor(Echo.prototype, 'echo'))
Body()(Echo.prototype, 'echo', 0)
Controller()(Echo)

class App {}
Module({ controllers: [Echo] })(App)

const blobs = memoryBlobStore({ limits })
const app = await NestFactory.create(App, { logger: ['error'] })
app.use(blobRouter(blobs, options))
await app.listen(0, '127.0.0.1')
const { port } = app.getHttpServer().address()
await tryBlobs('NestJS', blobs, port)
const headers = { 'content-type': 'application/json' }
const echoed = await fetch(`http://127.0.0.1:${port}/echo`, { method: 'POST', headers, body: '{"parsed":true}' })
assert.deepEqual(await echoed.json(), { parsed: true })
await app.close()
await blobs.close()
