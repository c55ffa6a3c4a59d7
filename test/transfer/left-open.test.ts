import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exportFiles } from '../../src/export.ts'
import { MemoryBackend } from '../../src/index.ts'
import { S3Tree } from '../../src/s3.ts'
import { FileWriter } from '../../src/transfer/export/file-writer.ts'
import { listen, until } from '../http/servers.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { OpenBodies } from '../support/open-bodies.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes, post } from '../support/samples.ts'

// What was opened before something else failed must be closed. Each test fails when it is not.

describe('an export', () => {
  test('opens no body if there is no file to take it', async () => {
    const bodies = new OpenBodies(new MemoryBackend())
    const blobs = new FolderPlace().store({ backend: bodies.backend })
    await post(blobs, alice, 'one', await blobs.upload(alice, bytes('one')))
    const folder = temporaryFolder()
    writeFileSync(join(folder, '.export'), 'a file in the place of the folder')
    const findings: object[] = []
    const onFinding = (finding: object) => void findings.push(finding)
    await expect(exportFiles(blobs, { folder, onFinding })).rejects.toThrow('EEXIST') // as the manifest has none either
    expect(findings).toMatchObject([{ problem: 'failed' }])
    expect(bodies.count).toBe(0)
  })

  test('leaves no part of a file that it could not write', async () => {
    const parts = join(temporaryFolder(), 'parts')
    const writer = await FileWriter.create({ parts, sync: false })
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield bytes('one')
      throw new Error('broken')
    }
    await expect(writer.write(join(parts, '../file'), async () => broken())).rejects.toThrow('broken')
    await expect(writer.write(join(parts, '../file'), () => Promise.reject(new Error('none')))).rejects.toThrow('none')
    expect(readdirSync(parts)).toEqual([])
    expect(existsSync(join(parts, '../file'))).toBe(false)
  })
})

test('a response of a bucket without a length keeps no socket', async () => {
  const server = createServer((req, res) => {
    req.resume()
    const more = setInterval(() => res.write('more'), 5)
    res.on('close', () => clearInterval(more))
  })
  let sockets = 0
  server.on('connection', (socket) => {
    sockets += 1
    socket.on('close', () => {
      sockets -= 1
    })
  })
  const { origin } = await listen(server)
  const credentials = { accessKeyId: 'an id', secretAccessKey: 'a secret' }
  const tree = new S3Tree({ bucket: 'bucket', endpoint: origin, credentials, forcePathStyle: true })
  onTestFinished(() => tree.close())
  await expect(tree.open('stored', alice, 'name')).rejects.toThrow('without its size')
  await until(() => sockets === 0, 'the socket is closed')
})
