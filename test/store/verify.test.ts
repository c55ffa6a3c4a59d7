import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'
import { Clock, temporaryFolder } from '../support/places.ts'
import { alice, bytes, post, text } from '../support/samples.ts'

/** A store whose only file may be written to behind its back. */
function openStore() {
  const folder = temporaryFolder()
  const blobs = createBlobStore({
    backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    metadata: sqliteMetadata(':memory:', { now: new Clock().now }),
    limits: { accept: ['*/*'] },
  })
  const eachFile = (change: (path: string) => void) => {
    const files = readdirSync(join(folder, 'blobs', 'blobs'), { recursive: true, withFileTypes: true })
    for (const file of files.filter((entry) => entry.isFile())) change(join(file.parentPath, file.name))
  }
  const damage = (change: (stored: Buffer) => void) => {
    eachFile((path) => {
      const stored = readFileSync(path)
      change(stored)
      writeFileSync(path, stored)
    })
  }
  return { blobs, damage, eachFile }
}

const flipBit = (at: number) => (stored: Buffer) => {
  stored.writeUInt8(stored.readUInt8(at) ^ 1, at)
}

describe('reading without verify', () => {
  test('detects missing bytes and a wrong size, and lets the next upload repair the blob', async () => {
    for (const spoil of [(path: string) => rmSync(path), (path: string) => truncateSync(path, 2)]) {
      const { blobs, eachFile } = openStore()
      const ref = await blobs.upload(alice, bytes('precious'))
      await post(blobs, alice, 'a', ref)
      eachFile(spoil)
      const code = expect.stringMatching(/BlobMissing|BlobDamaged/)
      await expect(blobs.read(alice, ref.ref)).rejects.toMatchObject({ code })
      await blobs.upload(alice, bytes('precious'))
      expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('precious')
      await blobs.close()
    }
  })
})

describe('reading with verify', () => {
  test('returns what was stored', async () => {
    const { blobs } = openStore()
    for (const size of [0, 1, 300_000, 1_000_000]) {
      const source = new Uint8Array(size).map((_, index) => index * 7)
      const ref = await blobs.upload(alice, source)
      await post(blobs, alice, `s${size}`, ref)
      const reading = await blobs.read(alice, ref.ref, { verify: true })
      expect(Buffer.from(await reading.bytes()).equals(source)).toBe(true)
    }
    await blobs.close()
  })

  test('never returns damaged bytes as complete, and lets the next upload repair the blob', async () => {
    const { blobs, damage } = openStore()
    const content = new Uint8Array(1_000_000).fill(7)
    const ref = await blobs.upload(alice, content)
    await post(blobs, alice, 'a', ref)
    damage(flipBit(999_999))
    const reading = await blobs.read(alice, ref.ref, { verify: true })
    let received = 0
    const read = async () => {
      for await (const chunk of reading.body) received += chunk.byteLength
    }
    await expect(read()).rejects.toMatchObject({ code: 'BlobDamaged' })
    expect(received).toBeLessThan(1_000_000)

    await blobs.upload(alice, content)
    const healed = await (await blobs.read(alice, ref.ref, { verify: true })).bytes()
    expect(Buffer.from(healed).equals(content)).toBe(true)
    await blobs.close()
  })

  test('returns no byte of a damaged blob of one chunk', async () => {
    const { blobs, damage } = openStore()
    const ref = await blobs.upload(alice, bytes('small'))
    await post(blobs, alice, 'a', ref)
    damage(flipBit(0))
    const reading = await blobs.read(alice, ref.ref, { verify: true })
    await expect(reading.bytes()).rejects.toMatchObject({ code: 'BlobDamaged', did: alice })
    // Without it, and for ranges, bytes are returned as they are.
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('rmall')
    const range = { start: 1, end: 4 }
    expect(await text((await blobs.read(alice, ref.ref, { verify: true, range })).body)).toBe('mall')
    await blobs.close()
  })
})
