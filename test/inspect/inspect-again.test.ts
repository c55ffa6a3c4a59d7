import { describe, expect, test } from 'vitest'
import { type BlobStore, cidOfBytes, type UploadInspection } from '../../src/index.ts'
import { inspectAgain, webhook } from '../../src/inspect.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, chunks, post, text } from '../support/samples.ts'

const down = webhook('http://127.0.0.1:9', { whenDown: 'quarantine' })
/** A scanner that is up, and finds what begins with "bad". */
const up = async ({ read }: UploadInspection) =>
  (await text(read())).startsWith('bad') ? { quarantine: 'bad' } : undefined

const waiting = async (blobs: BlobStore) =>
  (await blobs.listTakedowns({ quarantined: true })).items.map(({ cid }) => cid)

describe.each(places)('what a scanner that was down could not inspect, in $name', ({ make }) => {
  test('is released when it is inspected again and accepted; the rest waits for a moderator', async () => {
    const blobs = make().store({ hooks: { inspect: down } })
    const seen: unknown[] = []
    for (const content of ['good', 'bad']) await blobs.upload(alice, bytes(content), { mimeType: 'text/plain' })
    const large = await blobs.upload(bob, chunks(3, 1_000_000))
    await post(blobs, bob, 'a', large)
    for (let at = 0; at < 150; at++) await blobs.upload(alice, bytes(`more ${at}`))
    blobs.setHooks({ inspect: up })
    const inspect = (upload: UploadInspection) => {
      const { did, cid, mimeType, size } = upload
      seen.push({ did, cid, mimeType, size })
      return up(upload)
    }
    expect(await inspectAgain(blobs, { inspect })).toEqual({ inspected: 153, released: 152, unreadable: 0 })
    expect(seen).toHaveLength(153)
    expect(seen).toContainEqual({ did: alice, cid: cidOfBytes(bytes('good')), mimeType: 'text/plain', size: 4 })
    expect(await waiting(blobs)).toEqual([cidOfBytes(bytes('bad'))])
    expect((await blobs.stat(bob, large.ref))?.size).toBe(3_000_000)
    expect(await inspectAgain(blobs)).toEqual({ inspected: 1, released: 0, unreadable: 0 })
  })

  // Fails when the release does not look whether a moderator has decided.
  test('stays hidden when a moderator takes it down meanwhile', async () => {
    const blobs = make().store({ hooks: { inspect: down } })
    await blobs.upload(alice, bytes('one'))
    const inspect = ({ did, cid }: UploadInspection) => blobs.takedown(did, cid).then(() => undefined)
    expect(await inspectAgain(blobs, { inspect })).toEqual({ inspected: 1, released: 0, unreadable: 0 })
    expect((await blobs.listTakedowns()).items).toMatchObject([{ did: alice, quarantined: false }])
  })

  test('stays hidden while the scanner is down, even if it accepts uploads then', async () => {
    const accepting = webhook('http://127.0.0.1:9', { whenDown: 'accept' })
    const blobs = make().store({ hooks: { inspect: async () => ({ quarantine: 'a virus' }) } })
    const virus = await blobs.upload(alice, bytes('bad'))
    blobs.setHooks({ inspect: accepting })
    await blobs.upload(alice, bytes('accepted'))
    await expect(inspectAgain(blobs)).rejects.toThrow()
    expect(await waiting(blobs)).toEqual([String(virus.ref)])
  })

  // Fails when the first one that cannot be read ends it: then those behind it would wait for ever.
  test('is inspected although the bytes of another are missing, which is counted and stays hidden', async () => {
    const place = make()
    const blobs = place.store({ hooks: { inspect: down } })
    await blobs.upload(alice, bytes('good'))
    const lost = await blobs.upload(alice, bytes('lost'))
    const backend = place.backend()
    await backend.open()
    const { keys } = await backend.list()
    await backend.delete(keys.filter((key) => key.startsWith(`${lost.ref}.`)))
    blobs.setHooks({ inspect: up })
    expect(await inspectAgain(blobs)).toEqual({ inspected: 1, released: 1, unreadable: 1 })
    const careless = (upload: UploadInspection) => up(upload).catch(() => undefined)
    expect(await inspectAgain(blobs, { inspect: careless })).toEqual({ inspected: 0, released: 0, unreadable: 1 })
    expect(await waiting(blobs)).toEqual([String(lost.ref)])
  })

  test('is left out when its account loses it meanwhile', async () => {
    const blobs = make().store({ hooks: { inspect: down } })
    await blobs.upload(alice, bytes('one'))
    await blobs.upload(bob, bytes('two'))
    const inspect = ({ did }: UploadInspection) =>
      blobs.deleteAccount(did === alice ? bob : alice).then(() => undefined)
    expect(await inspectAgain(blobs, { inspect })).toEqual({ inspected: 1, released: 1, unreadable: 0 })
    expect(await waiting(blobs)).toEqual([])
  })
})

test('only what the host chooses is inspected again, and a failure ends it', async () => {
  const [{ make }] = places as [(typeof places)[number]]
  const blobs = make().store({ hooks: { inspect: down } })
  await blobs.upload(alice, bytes('one'))
  blobs.setHooks({ inspect: async () => ({ quarantine: 'nudity' }) })
  await blobs.upload(alice, bytes('two'))
  const inspect = async () => undefined
  const only = ({ ref }: { ref: string | null }) => ref?.includes('could not inspect') === true
  expect(await inspectAgain(blobs, { inspect, only })).toEqual({ inspected: 1, released: 1, unreadable: 0 })
  expect(await waiting(blobs)).toEqual([cidOfBytes(bytes('two'))])
  const broken = () => Promise.reject(new Error('still down'))
  await expect(inspectAgain(blobs, { inspect: broken })).rejects.toThrow('still down')
  const hangs = ({ signal }: UploadInspection) =>
    new Promise<undefined>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  await expect(inspectAgain(blobs, { inspect: hangs, timeout: 20 })).rejects.toMatchObject({ name: 'TimeoutError' })
  const signal = AbortSignal.abort(new Error('stop'))
  await expect(inspectAgain(blobs, { inspect, signal })).rejects.toThrow('stop')
  expect(await waiting(blobs)).toEqual([cidOfBytes(bytes('two'))])
  blobs.setHooks({ inspect: undefined })
  await expect(inspectAgain(blobs)).rejects.toMatchObject({ code: 'InvalidArgument' })
})
