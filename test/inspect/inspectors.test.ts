import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type BlobStore,
  type BlobStoreHooks,
  cidOfBytes,
  createBlobStore,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { clamd, hashList, type Inspector, inspectors, webhook } from '../../src/inspect.ts'
import { listen } from '../http/servers.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes, chunks } from '../support/samples.ts'

function storeWith(inspect: BlobStoreHooks['inspect'], inspectTime?: number) {
  return createBlobStore({
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'], maxBlobSize: 10_000_000 },
    ...(inspectTime && { times: { inspect: inspectTime } }),
    hooks: { inspect },
    janitor: false,
  })
}

const refused = { code: 'BlobRefused' }
const failed = { code: 'InspectionFailed', transient: true }

/** The reasons that wait for a moderator. */
const quarantined = async (blobs: BlobStore) =>
  (await blobs.listTakedowns({ quarantined: true })).items.map(({ ref }) => ref)

describe('a list of hashes', () => {
  const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')
  const list = async (text: string) => {
    const file = join(temporaryFolder(), 'banned.txt')
    await writeFile(file, text)
    return file
  }

  test('refuses what it names, as SHA-256 or CID, and is read again when it changes', async () => {
    const [one, other, third] = [bytes('one'), bytes('other'), bytes('third')]
    const file = await list(`# banned\n\n${sha256(one).toUpperCase()}  one.jpg\n${cidOfBytes(other)}\n`)
    const blobs = storeWith(hashList(file, { reason: 'banned' }))
    await expect(blobs.upload(alice, one)).rejects.toMatchObject({ ...refused, message: /banned/ })
    await expect(blobs.upload(alice, other)).rejects.toMatchObject(refused)
    await blobs.upload(alice, third)
    await writeFile(file, `${cidOfBytes(third)}\n`)
    await expect(blobs.upload(alice, third)).rejects.toMatchObject(refused)
    await blobs.upload(alice, one)
  })

  test('that is missing or was not understood fails, unless the host accepts that', async () => {
    const failures: unknown[] = []
    const missing = join(temporaryFolder(), 'none.txt')
    await expect(storeWith(hashList(missing)).upload(alice, bytes('x'))).rejects.toMatchObject(failed)
    const broken = await list('not a hash\n')
    await expect(storeWith(hashList(broken)).upload(alice, bytes('x'))).rejects.toMatchObject(failed)
    const onFailure = (error: unknown) => void failures.push(error)
    await storeWith(hashList(broken, { whenDown: 'accept', onFailure })).upload(alice, bytes('x'))
    expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining('Line 1') })])
  })

  test('may quarantine what it names', async () => {
    const file = await list(cidOfBytes(bytes('one')))
    for (const reason of [undefined, 'list of January']) {
      const blobs = storeWith(hashList(file, { verdict: 'quarantine', reason }))
      await blobs.upload(alice, bytes('one'))
      await blobs.upload(alice, bytes('other'))
      expect(await quarantined(blobs)).toEqual([reason ?? 'a list of hashes names it'])
    }
  })

  test('of 100,000 hashes finds the first, the last and no other', async () => {
    const lines = Array.from({ length: 100_000 }, (_, n) => cidOfBytes(bytes(`banned ${n}`)))
    const blobs = storeWith(hashList(await list(lines.join('\n'))))
    for (const n of [0, 50_000, 99_999]) {
      await expect(blobs.upload(alice, bytes(`banned ${n}`))).rejects.toMatchObject(refused)
    }
    await blobs.upload(alice, bytes('banned 100000'))
  })
})

describe('a service of the host’s', () => {
  const service = async (answer: RequestListener) => (await listen(createServer(answer))).origin

  test('gets the bytes with their type and owner, and decides', async () => {
    const seen: unknown[] = []
    const url = await service(async (req, res) => {
      const parts: Buffer[] = []
      for await (const part of req) parts.push(part)
      const { 'blob-did': did, 'blob-cid': cid, 'blob-size': size, authorization } = req.headers
      seen.push({ did, cid, size, authorization, same: cidOfBytes(Buffer.concat(parts)) })
      res.end(JSON.stringify(size === '5' ? { refuse: 'five bytes' } : {}))
    })
    const blobs = storeWith(webhook(url, { headers: { authorization: 'Bearer x' } }))
    await expect(blobs.upload(alice, bytes('fives'))).rejects.toMatchObject({ ...refused, message: /five bytes/ })
    const large = await blobs.upload(alice, chunks(3, 1_000_000))
    const cid = String(large.ref)
    expect(seen[1]).toEqual({ did: alice, cid, size: '3000000', authorization: 'Bearer x', same: cid })
  })

  test('that fails, is silent, or answers anything else refuses for now', async () => {
    const answers: RequestListener[] = [
      (_req, res) => res.writeHead(500).end(),
      (_req, res) => res.end('{ "refuse": 1 }'),
      (_req, res) => res.end('{ "quarantined": "a misspelt verdict" }'),
      (_req, res) => res.end('["refuse"]'),
      (_req, res) => res.end('"refuse"'),
      (_req, res) => res.end('not JSON'),
      (_req, res) => res.writeHead(302, { location: '/elsewhere' }).end(),
      () => {},
    ]
    for (const answer of answers) {
      const blobs = storeWith(webhook(await service(answer), { bytes: false }), 300)
      await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject(failed)
      expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
    }
    await expect(storeWith(webhook('http://127.0.0.1:9')).upload(alice, bytes('x'))).rejects.toMatchObject(failed)
  })
})

test('a service may quarantine, and a refusal of the same answer wins', async () => {
  const answers = [{ quarantine: 'nudity: 0.7' }, { refuse: 'banned', quarantine: 'nudity: 0.7' }, { quarantine: 7 }]
  const { origin } = await listen(createServer((_req, res) => res.end(JSON.stringify(answers.shift()))))
  const blobs = storeWith(webhook(origin))
  await blobs.upload(alice, bytes('one'))
  await expect(blobs.upload(alice, bytes('two'))).rejects.toMatchObject(refused)
  await expect(blobs.upload(alice, bytes('three'))).rejects.toMatchObject(failed)
  expect(await quarantined(blobs)).toEqual(['nudity: 0.7'])
})

describe('an inspector that is down', () => {
  // Fails when only a failure counts, and not silence: a scanner that hangs would refuse every upload.
  test('quarantines, if the host wants to decide later, and the reason says why', async () => {
    const silent = await listen(createServer(() => {}))
    const inspectorsThatFail: [Inspector, RegExp][] = [
      [hashList(join(temporaryFolder(), 'none'), { whenDown: 'quarantine' }), /^hashList could not inspect it: ENOENT/],
      [webhook('http://127.0.0.1:9', { whenDown: 'quarantine' }), /^webhook could not inspect it: /],
      [webhook(silent.origin, { whenDown: 'quarantine', timeout: 100 }), /^webhook .*: it took longer than 100 ms$/],
      [clamd({ socket: '/nowhere', whenDown: 'quarantine' }), /^clamd could not inspect it: .*ENOENT/],
    ]
    for (const [inspect, reason] of inspectorsThatFail) {
      const blobs = storeWith(inspect)
      await blobs.upload(alice, bytes('x'))
      expect(await quarantined(blobs)).toEqual([expect.stringMatching(reason)])
    }
  })

  test('within the time of the store is that of the store: the upload is refused for now', async () => {
    const silent = await listen(createServer(() => {}))
    const blobs = storeWith(webhook(silent.origin, { whenDown: 'quarantine' }), 100)
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject(failed)
    expect(await quarantined(blobs)).toEqual([])
  })

  test('and is slow is left behind, accepted or refused, with its signal aborted', async () => {
    const silent = await listen(createServer(() => {}))
    const failures: unknown[] = []
    const onFailure = (error: unknown) => void failures.push(error)
    await storeWith(webhook(silent.origin, { timeout: 50, whenDown: 'accept', onFailure })).upload(alice, bytes('x'))
    await expect(storeWith(webhook(silent.origin, { timeout: 50 })).upload(alice, bytes('x'))).rejects.toMatchObject(
      failed,
    )
    expect(failures).toEqual([expect.objectContaining({ message: 'it took longer than 50 ms' })])
  })
})

test('of several, a refusal wins over a quarantine, and the reasons of all quarantines are kept', async () => {
  const verdicts = [{ quarantine: 'one' }, undefined, { quarantine: 'two' }] as const
  const each = verdicts.map((verdict) => async () => verdict)
  const blobs = storeWith(inspectors(...each))
  await blobs.upload(alice, bytes('x'))
  expect(await quarantined(blobs)).toEqual(['one; two'])
  const refusing = storeWith(inspectors(...each, async () => ({ refuse: 'no' })))
  await expect(refusing.upload(alice, bytes('x'))).rejects.toMatchObject(refused)
  const broken = storeWith(inspectors(...each, async () => ({ reason: 'no' }) as never))
  await expect(broken.upload(alice, bytes('x'))).rejects.toMatchObject(failed)
})

test('several are asked in order, until one refuses', async () => {
  const asked: string[] = []
  const inspect = inspectors(
    async () => void asked.push('first'),
    async () => ({ refuse: `second after ${asked.length}` }),
    async () => void asked.push('third'),
  )
  await expect(storeWith(inspect).upload(alice, bytes('x'))).rejects.toMatchObject({ message: /second after 1/ })
  expect(asked).toEqual(['first'])
})

test('invalid options are refused at once', () => {
  expect(() => hashList('')).toThrow(/path of a list/)
  expect(() => webhook('ftp://x')).toThrow(/http or https/)
  expect(() => webhook('http://x', { whenDown: 'maybe' as never })).toThrow(/refuse, accept, quarantine/)
  expect(() => webhook('http://x', { timeout: 0 })).toThrow(/webhook: timeout/)
  expect(() => webhook('http://x', { verdict: 'quarantine' } as never)).toThrow(/verdict/)
  expect(() => clamd({ host: 'x', verdict: 'accept' as never })).toThrow(/refuse, quarantine/)
  expect(() => inspectors(undefined as never)).toThrow(/inspector/)
})

// Fails when it asks for the next chunk first: this one may still wait in the socket, and its memory is used again then.
test('clamd reads nothing more of a file once it has answered', async () => {
  const server = createSocketServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.pause()
      socket.write('stream: Eicar FOUND\0')
    })
  })
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  let askedForMore = false
  async function* read() {
    yield new Uint8Array(32 * 1024 * 1024)
    askedForMore = true
    yield bytes('more')
  }
  const inspect = clamd({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const inspection = { did: alice, cid: '', mimeType: '', size: 0, signal: new AbortController().signal, read }
  expect(await inspect(inspection as never)).toMatchObject({ refuse: expect.any(String) })
  expect(askedForMore).toBe(false)
})
