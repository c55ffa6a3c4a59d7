import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { type BlobStore, DiskBackend } from '../../src/index.ts'
import type { S3Address } from '../servers/ceph.ts'
import { S3Place, sharedBucket } from '../support/s3.ts'
import { alice, bob, bytes, day, post, text } from '../support/samples.ts'
import { CliPlace, cli } from './run-cli.ts'

// A disk is wiped under a store that serves: against the real janitor, and the real command line in another process.

const count = 300

const contentOf = (at: number) => `blob ${at} ${'x'.repeat(at * 50)}`

/** Reads one blob after the other until told to stop. Resolves with how many were read. */
async function readAll(blobs: BlobStore, cids: readonly string[], until: AbortSignal): Promise<number> {
  let reads = 0
  while (!until.aborted) {
    const at = reads % cids.length
    const { body } = await blobs.read(at % 2 ? bob : alice, cids[at] as string, { verify: at % 3 === 0 })
    expect(await text(body)).toBe(contentOf(at))
    reads += 1
    if (reads % 20 === 0) await sleep(1)
  }
  return reads
}

// Fails when a read of lost bytes is not served from the mirror, or when heal leaves one out.
test('a disk that is wiped while its store serves loses no read, and one command brings every blob back', {
  timeout: 60_000,
}, async () => {
  const place = new CliPlace()
  const mirror = join(place.folder, 'mirror')
  mkdirSync(mirror)
  const options = { mirror: { backend: new DiskBackend({ root: mirror, name: 'mirror', durability: 'relaxed' }) } }
  const blobs = place.store({ ...options, janitor: { mirrorEvery: 50 } })
  const cids: string[] = []
  for (let at = 0; at < count; at++) {
    const did = at % 2 ? bob : alice
    const ref = await blobs.upload(did, bytes(contentOf(at)))
    await post(blobs, did, `post ${at}`, ref)
    cids.push(String(ref.ref))
  }
  await vi.waitFor(async () => expect((await blobs.health()).mirror?.lag).toMatchObject({ objects: 0 }), 10_000)

  const stop = new AbortController()
  const reading = readAll(blobs, cids, stop.signal)
  await sleep(100)
  rmSync(place.root, { recursive: true })
  await vi.waitFor(async () => expect((await blobs.health()).mirror?.reads).toBeGreaterThan(50), 20_000)
  mkdirSync(place.root)
  const { status, stdout } = await place.cli('heal', '--mirror', mirror)
  expect(stdout).toMatch(new RegExp(`brought back +${count}\n`))
  expect(status).toBe(0)
  stop.abort()
  expect(await reading).toBeGreaterThan(count)

  // From the disk alone.
  await blobs.close()
  rmSync(mirror, { recursive: true })
  const again = place.store()
  for (const [at, cid] of cids.entries()) {
    expect(await text((await again.read(at % 2 ? bob : alice, cid)).body)).toBe(contentOf(at))
  }
  expect((await again.scrub({ olderThan: 0 })).findings).toEqual([])
})

test('heal says what it could not bring back, and exits with 3', async () => {
  const place = new CliPlace()
  const mirror = join(place.folder, 'mirror')
  mkdirSync(mirror)
  const blobs = place.store()
  const first = await blobs.upload(alice, bytes('in the mirror'))
  await blobs.close()
  expect(await place.json('mirror', '--mirror', mirror)).toMatchObject({ copied: 1 })
  const later = place.store()
  const { ref } = await later.upload(alice, bytes('not in it'))
  await later.close()
  rmSync(place.root, { recursive: true })
  expect((await place.cli('check')).status).toBe(2)
  const mistyped = await place.cli('heal', '--mirror', mirror)
  expect(mistyped).toMatchObject({ status: 2, stderr: expect.stringContaining('make an empty folder for heal') })
  expect(existsSync(place.root)).toBe(false)
  mkdirSync(place.root)
  const healed = await place.cli('heal', '--mirror', mirror)
  expect(healed).toMatchObject({ status: 3, stdout: expect.stringContaining(`! ${ref}: no copy was found`) })
  expect(healed.stdout).toMatch(/brought back +1\n/)
  expect(await text((await place.store().read(alice, first.ref, { as: 'account' })).body)).toBe('in the mirror')
})

// Fails when a command that knows no delay deletes what another was told to keep.
test('mirror says how long copies are kept, and other processes follow', async () => {
  const place = new CliPlace()
  mkdirSync(join(place.folder, 'mirror'))
  await place.store().ready()
  const mirror = ['mirror', '--mirror', join(place.folder, 'mirror')]
  const delays = () => {
    const database = new Database(place.database)
    const { times } = database.prepare('select times from blobstore_meta').get() as { times: string }
    database.close()
    return JSON.parse(times).mirrorDelay / day
  }
  expect((await place.cli(...mirror, '--mirror-delay', '90')).status).toBe(0)
  expect(delays()).toBe(90)
  expect((await place.cli(...mirror)).status).toBe(0)
  expect(delays()).toBe(90)
  expect(await place.cli('mirror', '--mirror-delay', '90', '--config', 'none.js')).toMatchObject({ status: 2 })
})

describe('the copies that heal and scrub take', () => {
  const emptied = async (): Promise<{ place: CliPlace; cid: string }> => {
    const place = new CliPlace()
    const blobs = place.store()
    const ref = await blobs.upload(alice, bytes('precious'))
    await post(blobs, alice, 'a', ref)
    await blobs.close()
    return { place, cid: String(ref.ref) }
  }
  const expectServed = async (place: CliPlace, cid: string) =>
    expect(await text((await place.store().read(alice, cid, { verify: true })).body)).toBe('precious')

  // Fails when a copy under another key, or in another layout, is not found.
  test.each([
    [
      'the folder of a backend, under other keys',
      (cid: string) => `blobs/${cid.slice(56, 58)}/${cid}.7-${'a'.repeat(16)}`,
    ],
    ['an export', (cid: string) => cid],
    ['the blobs of a PDS', (cid: string) => `${alice}/${cid}`],
  ])('may be in %s', async (_name, pathOf) => {
    for (const command of [
      ['heal', '--from'],
      ['scrub', '--all', '--heal-from'],
    ]) {
      const { place, cid } = await emptied()
      const copies = join(place.folder, 'copies')
      mkdirSync(dirname(join(copies, pathOf(cid))), { recursive: true })
      if (pathOf(cid).startsWith('blobs/')) writeFileSync(join(copies, 'layout-1'), '')
      writeFileSync(join(copies, pathOf(cid)), 'precious')
      rmSync(place.fileOf(cid))
      await place.cli(...command, copies)
      await expectServed(place, cid)
    }
  })

  // Fails when only the first file that is found is tried.
  test.each([
    [
      'another key of a backend’s folder',
      (cid: string, at: number) => `blobs/${cid.slice(56, 58)}/${cid}.7-${String(at + 2).repeat(16)}`,
    ],
    ['the folder of another account', (cid: string, at: number) => `${at === 0 ? alice : bob}/${cid}`],
  ])('may be damaged, if a good one is in %s', async (_name, pathOf) => {
    for (const good of [0, 1]) {
      const { place, cid } = await emptied()
      const blobs = place.store()
      await post(blobs, bob, 'b', await blobs.upload(bob, bytes('precious')))
      await blobs.close()
      const copies = join(place.folder, 'copies')
      for (const at of [0, 1]) {
        const path = join(copies, pathOf(cid, at))
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, at === good ? 'precious' : 'rotten!!')
      }
      if (pathOf(cid, 0).startsWith('blobs/')) writeFileSync(join(copies, 'layout-1'), '')
      rmSync(place.fileOf(cid))
      expect((await place.cli('heal', '--from', copies)).status).toBe(0)
      await expectServed(place, cid)
    }
  })

  const address = inject('s3')

  test.runIf(address)('may be in a bucket, under another key, behind a damaged one', async () => {
    const s3 = new S3Place(address as S3Address)
    onTestFinished(() => s3.remove())
    const env = {
      BLOBSTORE_S3_ENDPOINT: (address as S3Address).endpoint,
      BLOBSTORE_S3_REGION: 'us-east-1',
      BLOBSTORE_S3_PATH_STYLE: 'yes',
      AWS_ACCESS_KEY_ID: (address as S3Address).accessKeyId,
      AWS_SECRET_ACCESS_KEY: (address as S3Address).secretAccessKey,
    }
    const bucket = s3.backend()
    await bucket.open()
    const { place, cid } = await emptied()
    for (const [content, generation] of [
      [bytes('rotten!!'), '2'],
      [bytes('precious'), 'a'],
    ] as const) {
      const sha256 = createHash('sha256').update(content).digest()
      const key = `${cid}.7-${generation.repeat(16)}`
      await bucket.put(key, { size: content.byteLength, sha256, chunks: [content] })
    }
    await bucket.close()
    rmSync(place.fileOf(cid))
    const args = ['heal', '--from', `s3://${sharedBucket}/${s3.prefix}`, ...place.named]
    expect(await cli(args, env)).toMatchObject({ status: 0, stdout: expect.stringMatching(/brought back +1\n/) })
    await expectServed(place, cid)
  })

  test('are not taken when they are damaged, and a place that does not exist is wrong usage', async () => {
    const { place, cid } = await emptied()
    writeFileSync(join(place.folder, cid), 'rotten!!')
    rmSync(place.fileOf(cid))
    const { status, stdout } = await place.cli('heal', '--from', place.folder)
    expect({ status, stdout }).toEqual({ status: 3, stdout: expect.stringContaining(`${cid}: no copy was found`) })
    expect((await place.cli('heal', '--from', join(place.folder, 'nowhere'))).status).toBe(2)
    expect((await place.cli('heal')).status).toBe(2)
    expect((await place.cli('scrub', '--all', '--heal-from', join(place.folder, 'nowhere'))).status).toBe(2)
  })
})
