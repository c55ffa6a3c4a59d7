import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { backendConformance } from 'pds-blobstore/testing'
import { startFileServer } from './file-server.ts'
import { httpBackend } from './http-backend.ts'

describe('The HTTP backend', { concurrency: 4 }, async () => {
  const server = await startFileServer()
  const spools = await mkdtemp(join(tmpdir(), 'spools-'))
  after(async () => {
    await server.stop()
    await rm(spools, { recursive: true })
  })

  let places = 0
  /** A folder on the server for one case alone: each sentence of the contract is tested in an empty place. */
  function place() {
    const folder = `place-${++places}`
    return { backend: () => httpBackend(server.address(folder), { spoolDirectory: join(spools, folder) }) }
  }
  for (const { name, run } of backendConformance) test(name, () => run(place))
})
