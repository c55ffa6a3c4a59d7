import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { BlobRef } from '@atproto/api'
import { describe, expect, test } from 'vitest'
import { cidOfBytes } from '../../../src/index.ts'
import { collectAll, describeWithPds, Network, Person, settled, wheres } from './network.ts'

describeWithPds('through the official client, a real PDS with this store', () => {
  describe.each(wheres)('%s', (where) => {
    // Long enough for a record to be written while blobs go up.
    const short = { grace: where === 'on disk' ? 200 : 2000, deleteDelay: 0 }
    const network = new Network(where)
    const started = network.pds.bind(network)
    let shared: ReturnType<typeof started> | undefined
    const pdsOfAll = () => {
      shared ??= started()
      return shared
    }

    test.each([0, 12, 70_000, 3_000_000])(
      'serves a blob of %i bytes once a record names it, and not before',
      async (size) => {
        const alice = await new Person((await pdsOfAll()).url).signUp()
        const bytes = randomBytes(size)
        const blob = await alice.upload(bytes)
        expect(blob).toMatchObject({ size, mimeType: 'application/octet-stream' })
        expect(blob.ref.toString()).toBe(cidOfBytes(bytes))
        expect(await alice.read(blob)).toBeNull()
        await alice.write(blob)
        expect(bytes.equals((await alice.read(blob)) ?? Buffer.alloc(1))).toBe(true)
      },
    )

    test("uses the type that the PDS finds, and the PDS's headers", async () => {
      const alice = await new Person((await pdsOfAll()).url).signUp()
      const png = Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
        'base64',
      )
      const blob = await alice.upload(png, 'text/plain')
      expect(blob.mimeType).toBe('image/png')
      await alice.write(blob)
      const { headers } = await fetch(alice.urlOf(blob))
      expect(headers.get('content-type')).toBe('image/png')
      expect(headers.get('content-length')).toBe(String(png.length))
    })

    test('stores and serves 200 MB with flat memory', { timeout: 120_000 }, async () => {
      const { url } = await pdsOfAll()
      const alice = await new Person(url).signUp()
      const [piece, pieces] = [randomBytes(1_000_000), 200]
      const body = () => Readable.toWeb(Readable.from(Array.from({ length: pieces }, () => piece)))
      const before = process.memoryUsage().rss
      let most = 0
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss - before)
      }, 20)
      const { data } = await alice.agent.call('com.atproto.repo.uploadBlob', {}, body(), {
        encoding: 'application/octet-stream',
      })
      await alice.write(data.blob)
      let at = 0
      for await (const chunk of (await fetch(alice.urlOf(data.blob))).body ?? []) {
        const start = at % piece.length
        const whole = start + chunk.length <= piece.length
        const expected = whole
          ? piece.subarray(start, start + chunk.length)
          : Buffer.concat([piece.subarray(start), piece.subarray(0, start + chunk.length - piece.length)])
        if (Buffer.compare(chunk, expected) !== 0) throw new Error(`differs at ${at}`)
        at += chunk.length
      }
      clearInterval(watch)
      expect(at).toBe(piece.length * pieces)
      // Both ends are in this process; the whole blob would be 200 MB on either.
      expect(most / 1e6).toBeLessThan(150)
    })

    test('accepts 50 concurrent uploads, and serves each', { timeout: 120_000 }, async () => {
      const { url } = await pdsOfAll()
      const alice = await new Person(url).signUp()
      const bodies = Array.from({ length: 50 }, (_, i) => randomBytes(i % 5 === 0 ? 1_500_000 : 1000 + i))
      const blobs = await Promise.all(bodies.map((bytes) => alice.upload(bytes)))
      for (let at = 0; at < blobs.length; at += 10) await alice.write(...blobs.slice(at, at + 10))
      const read = await Promise.all(blobs.map((blob) => alice.read(blob)))
      for (const [i, bytes] of bodies.entries()) expect(read[i]?.equals(bytes)).toBe(true)
    })

    test('leaves nothing of uploads that are aborted, too large, or repeated', { timeout: 60_000 }, async () => {
      const pds = await started({ times: short, blobUploadLimit: 3_000_000 })
      const alice = await new Person(pds.url).signUp()
      for (const delay of [5, 20, 50, 100, 200]) {
        const slow = async function* () {
          for (let i = 0; i < 20; i++) {
            yield randomBytes(100_000)
            await new Promise((resolve) => setTimeout(resolve, 20))
          }
        }
        const aborted = fetch(`${pds.url}/xrpc/com.atproto.repo.uploadBlob`, {
          method: 'POST',
          body: Readable.toWeb(Readable.from(slow())) as ReadableStream,
          headers: {
            authorization: `Bearer ${alice.agent.session?.accessJwt}`,
            'content-type': 'application/octet-stream',
          },
          signal: AbortSignal.timeout(delay),
          duplex: 'half',
        } as RequestInit)
        await expect(aborted).rejects.toThrow()
      }
      await expect(alice.upload(randomBytes(3_000_001))).rejects.toMatchObject({ status: 413 })
      const bytes = randomBytes(2_000_000)
      for (let i = 0; i < 5; i++) await alice.upload(bytes)
      await settled(pds)
      // However late the aborted ones are noticed.
      for (let tries = 0; tries < 20 && (await pds.blobs.usage(alice.did)).reserved > 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      await collectAll(pds)
      expect(await pds.blobs.stats()).toMatchObject({ count: 0, reserved: 0, storedBytes: 0, doomedCount: 0 })
      expect(await pds.blobs.sweep()).toMatchObject({ keys: 0 })
    })

    test('does not show the good blob of a record that was refused', async () => {
      const pds = await started({ times: short })
      const alice = await new Person(pds.url).signUp()
      const [good, other] = [await alice.upload(randomBytes(500)), await alice.upload(randomBytes(500))]
      const bad = new BlobRef(other.ref, 'image/png', other.size)
      await expect(alice.write(good, bad)).rejects.toThrow()
      expect(await alice.read(good)).toBeNull()
      // Nor are its bytes kept for ever.
      await new Promise((resolve) => setTimeout(resolve, short.grace + 50))
      await collectAll(pds)
      expect(await pds.blobs.stats()).toMatchObject({ count: 0, storedBytes: 0 })
      await expect(alice.write(good)).rejects.toThrow()
      await alice.upload(randomBytes(500))
    })

    test('says that a blob is not found when its grace period was over before its record came', async () => {
      const pds = await started({ times: short })
      const alice = await new Person(pds.url).signUp()
      const bytes = randomBytes(500)
      const blob = await alice.upload(bytes)
      await new Promise((resolve) => setTimeout(resolve, short.grace + 50))
      await collectAll(pds)
      await expect(alice.write(blob)).rejects.toMatchObject({ status: 400, error: 'BlobNotFound' })
      await alice.write(await alice.upload(bytes))
      expect((await alice.read(blob))?.equals(bytes)).toBe(true)
    })

    test('applies the store’s own limits, where the host asks for it', async () => {
      const limits = { maxBlobSize: 1e6, accept: ['image/*'], quota: { bytes: 1000 } }
      const pds = await started({ limits })
      const alice = await new Person(pds.url).signUp()
      const gif = (size: number) => Buffer.concat([Buffer.from('GIF89a'), randomBytes(size - 6)])
      await alice.write(await alice.upload(gif(600), '*/*'))
      await expect(alice.upload(randomBytes(10), 'image/png')).rejects.toMatchObject({
        status: 400,
        error: 'InvalidMimeType',
      })
      await expect(alice.upload(gif(600))).rejects.toMatchObject({ status: 400, error: 'QuotaExceeded' })
      await expect(alice.upload(gif(1_000_001))).rejects.toMatchObject({ status: 413, error: 'PayloadTooLarge' })
      await alice.write(await alice.upload(gif(300)))
      expect(await pds.blobs.usage(alice.did)).toMatchObject({ bytes: 900, count: 2, reserved: 0 })
    })

    test('hides what is taken down, and shows it again', async () => {
      const pds = await pdsOfAll()
      const alice = await new Person(pds.url).signUp()
      const bytes = randomBytes(1000)
      const blob = await alice.upload(bytes)
      await alice.write(blob)
      await alice.takedown(blob, true)
      expect(await alice.read(blob)).toBeNull()
      await expect(alice.upload(bytes)).rejects.toThrow('takendown')
      expect(await pds.pds.ctx.blobstore(alice.did).hasStored(blob.ref as never)).toBe(false)
      await alice.takedown(blob, false)
      expect((await alice.read(blob))?.equals(bytes)).toBe(true)
    })

    test('can have a temporary blob taken down, and restored', async () => {
      const pds = await pdsOfAll()
      const alice = await new Person(pds.url).signUp()
      const bytes = randomBytes(1000)
      const blob = await alice.upload(bytes)
      await alice.takedown(blob, true)
      await expect(alice.write(blob)).rejects.toThrow('Could not find blob')
      await expect(alice.upload(bytes)).rejects.toThrow('takendown')
      await alice.takedown(blob, false)
      await alice.write(blob)
      expect((await alice.read(blob))?.equals(bytes)).toBe(true)
    })

    test('forgets what its last record referenced, and keeps what another references', async () => {
      const pds = await started({ times: short })
      const [alice, bob] = [await new Person(pds.url).signUp(), await new Person(pds.url).signUp()]
      const bytes = randomBytes(1000)
      const [blob, same] = [await alice.upload(bytes), await bob.upload(bytes)]
      const [one, two] = [await alice.write(blob), await alice.write(blob)]
      await bob.write(same)
      await alice.erase(one)
      await settled(pds)
      await collectAll(pds)
      expect((await alice.read(blob))?.equals(bytes)).toBe(true)
      await alice.erase(two)
      await settled(pds)
      await collectAll(pds)
      expect(await alice.read(blob)).toBeNull()
      expect((await bob.read(same))?.equals(bytes)).toBe(true)
      expect(await pds.blobs.stats()).toMatchObject({ count: 1, storedCount: 1, doomedCount: 0 })
    })

    test('has nothing of an account that was deleted, temporary and taken down included', async () => {
      const pds = await started({ times: short })
      const [alice, bob] = [await new Person(pds.url).signUp(), await new Person(pds.url).signUp()]
      const [kept, down, temporary] = [randomBytes(100), randomBytes(2_000_000), randomBytes(300)]
      await bob.write(await bob.upload(kept))
      const blobs = [await alice.upload(kept), await alice.upload(down)] as const
      await alice.write(...blobs)
      await alice.takedown(blobs[1], true)
      await alice.upload(temporary)
      await alice.leave(pds)
      expect(await pds.blobs.usage(alice.did)).toMatchObject({ bytes: 0, count: 0 })
      await collectAll(pds)
      expect(await pds.blobs.stats()).toMatchObject({ count: 1, storedBytes: 100, doomedCount: 0 })
      expect(await bob.read(cidOfBytes(kept))).toEqual(kept)
    })

    test('continues after a restart', async () => {
      const before = await started()
      const alice = await new Person(before.url).signUp()
      const [stored, temporary] = [randomBytes(2_000_000), randomBytes(100)]
      const one = await alice.upload(stored)
      await alice.write(one)
      const two = await alice.upload(temporary)
      await before.close()

      const after = await started({ dir: before.dir, port: Number(new URL(before.url).port) })
      expect((await alice.read(one))?.equals(stored)).toBe(true)
      await alice.logIn()
      await alice.write(two)
      expect((await alice.read(two))?.equals(temporary)).toBe(true)
      expect(after.url).toBe(before.url)
    })

    test('refuses what an inspection refuses, in words for the uploader', async () => {
      const pds = await started()
      const alice = await new Person(pds.url).signUp()
      pds.blobs.setHooks({
        inspect: async ({ size }) => (size === 7 ? { refuse: 'seven bytes are not for here' } : undefined),
      })
      const refusal = { status: 400, error: 'BlobRefused', message: /seven bytes are not for here/ }
      await expect(alice.upload(randomBytes(7))).rejects.toSatisfy(
        (error: { status: number; error: string; message: string }) =>
          error.status === refusal.status && error.error === refusal.error && refusal.message.test(error.message),
      )
      await alice.write(await alice.upload(randomBytes(8)))
    })

    describe('when its store is broken', () => {
      test('answers "not found" only for what does not exist', async () => {
        const pds = await started()
        const alice = await new Person(pds.url).signUp()
        const blob = await alice.upload(randomBytes(100))
        await alice.write(blob)
        await pds.blobs.close()
        expect((await fetch(alice.urlOf(blob))).status).toBe(503)
      })
    })
  })
})
