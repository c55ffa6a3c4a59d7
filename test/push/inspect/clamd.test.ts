import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../../src/index.ts'
import { type ClamdOptions, clamd } from '../../../src/inspect.ts'
import { freePort } from '../../servers/free-port.ts'
import { temporaryFolder } from '../../support/places.ts'
import { alice, bytes, chunks, post } from '../../support/samples.ts'

// ClamAV's daemon of Debian, with a database of one signature: EICAR's test file, which every scanner knows.
// REQUIRE_CLAMD=1 makes its absence a failure.

const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
const required = process.env.REQUIRE_CLAMD === '1'
const available = spawnSync('sh', ['-c', 'command -v clamd'], { env: environment }).status === 0

/** In two parts, so that no scanner takes this file for it. */
const eicar = bytes(['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join(''))

async function startClamd(most = '25M'): Promise<{ socket: string; port: number; child: ChildProcess }> {
  const folder = temporaryFolder()
  const [socket, port] = [join(folder, 'clamd.ctl'), await freePort()]
  await mkdir(join(folder, 'database'))
  const hash = createHash('md5').update(eicar).digest('hex')
  await writeFile(join(folder, 'database', 'test.hdb'), `${hash}:${eicar.length}:Eicar-Test\n`)
  const settings = [
    `LocalSocket ${socket}`,
    ...[`TCPSocket ${port}`, 'TCPAddr 127.0.0.1', 'Foreground yes', `DatabaseDirectory ${folder}/database`],
    ...[`StreamMaxLength ${most}`, `TemporaryDirectory ${folder}`, ...(process.getuid?.() === 0 ? ['User root'] : [])],
  ]
  await writeFile(join(folder, 'clamd.conf'), `${settings.join('\n')}\n`)
  const child = spawn('clamd', ['--config-file', join(folder, 'clamd.conf')], { env: environment, stdio: 'ignore' })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await sleep(50)
  })
  for (let tries = 0; tries < 200 && !existsSync(socket); tries++) await sleep(50)
  return { socket, port, child }
}

function storeWith(options: ClamdOptions) {
  return createBlobStore({
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'], maxBlobSize: 20_000_000 },
    hooks: { inspect: clamd(options) },
    janitor: false,
  })
}

describe.skipIf(!available && !required)('ClamAV', () => {
  test('refuses a virus, and nothing else, over its socket and over TCP', async () => {
    const { socket, port } = await startClamd()
    for (const blobs of [storeWith({ socket }), storeWith({ host: '127.0.0.1', port })]) {
      await expect(blobs.upload(alice, eicar)).rejects.toMatchObject({ code: 'BlobRefused' })
      await blobs.upload(alice, bytes('harmless'))
      const large = await blobs.upload(alice, chunks(10, 1_000_000))
      expect(large.size).toBe(10_000_000)
      await Promise.all(Array.from({ length: 20 }, (_, n) => blobs.upload(alice, bytes(`blob ${n}`))))
      expect(await blobs.usage(alice)).toMatchObject({ count: 22, reserved: 0 })
    }
  })

  test('may quarantine a virus: only a moderator reads it, and what was found', async () => {
    const { socket, child } = await startClamd()
    const blobs = storeWith({ socket, verdict: 'quarantine', whenDown: 'quarantine' })
    const ref = await blobs.upload(alice, eicar)
    await post(blobs, alice, 'a', ref, await blobs.upload(alice, bytes('harmless')))
    const listed = { cid: String(ref.ref), ref: expect.stringMatching(/^clamd found Eicar-Test/), quarantined: true }
    expect((await blobs.listTakedowns()).items).toMatchObject([listed])
    await expect(blobs.read(alice, ref.ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
    expect((await blobs.read(alice, ref.ref, { as: 'moderator' })).size).toBe(eicar.length)
    expect((await blobs.listPublic(alice)).items).toHaveLength(1)

    child.kill('SIGSTOP') // it accepts connections, and never answers
    const hung = storeWith({ socket, whenDown: 'quarantine', timeout: 300 })
    await hung.upload(alice, bytes('harmless'))
    child.kill('SIGKILL')
    await sleep(100)
    await hung.upload(alice, bytes('harmless too'))
    const reasons = (await hung.listTakedowns({ quarantined: true })).items.map(({ ref }) => ref)
    expect(reasons.toSorted()).toEqual([
      expect.stringMatching(/^clamd could not inspect it: connect E/),
      'clamd could not inspect it: it took longer than 300 ms',
    ])
  })

  test('that is too small for a file, or dies, refuses it for now, or accepts it', async () => {
    const failed = { code: 'InspectionFailed', transient: true }
    const { socket, child } = await startClamd('1M')
    await expect(storeWith({ socket }).upload(alice, chunks(3, 1_000_000))).rejects.toMatchObject(failed)
    child.kill('SIGKILL')
    await sleep(100)
    await expect(storeWith({ socket }).upload(alice, bytes('x'))).rejects.toMatchObject(failed)
    const failures: unknown[] = []
    const onFailure = (error: unknown) => void failures.push(error)
    await storeWith({ socket, whenDown: 'accept', onFailure }).upload(alice, bytes('x'))
    expect(failures).toHaveLength(1)
  })
})
