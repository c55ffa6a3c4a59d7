import { describe, expect, test } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { type BlobStore, cidOfBytes, createBlobRef, findBlobRefs, type Logger, parseMimeType } from '../../src/index.ts'
import { asAlice, query, tokens, xrpc } from '../http/place.ts'
import { memoryPlace } from '../support/places.ts'
import { alice, bytes, commit, nextRev } from '../support/samples.ts'

// Row 26 of the table of attacks: text that forges a line of a log, moves a terminal's cursor or reverses what is read.
// Fails when a message quotes what a client sent without a grammar or an escape, or a log call concatenates.

const ends = [
  '\n',
  '\r\n',
  '\x1b[2J',
  '\x9b31m',
  '\0',
  '\x7f',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u2066',
  '\ufeff',
]
const forged = ends.map((end) => `x${end}level=50 msg="admin logged in"`)
const unfit = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u
const longest = 1500

async function messageOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function expectFit(call: (text: string) => unknown, texts: readonly string[] = forged): Promise<void> {
  for (const text of [...texts, `x\n${'y'.repeat(100_000)}`]) {
    const message = await messageOf(() => call(text))
    expect(unfit.test(message), JSON.stringify(message.slice(0, 500))).toBe(false)
    expect(message.length).toBeLessThan(longest)
  }
}

async function place(): Promise<{ blobs: BlobStore; logged: [object, string][] }> {
  const logged: [object, string][] = []
  const log = (details: object, message: string): void => void logged.push([details, message])
  const logger: Logger = { info: log, warn: log, error: log }
  const blobs = memoryPlace().store({ logger })
  await blobs.ready()
  return { blobs, logged }
}

const missing = createBlobRef({
  cid: 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
  mimeType: 'a/b',
  size: 1,
})

describe('a message of an error', () => {
  test('quotes no invalid DID, CID, cursor, space or revision', async () => {
    const { blobs } = await place()
    await expectFit((text) => blobs.upload(text, bytes('a')))
    await expectFit((text) => blobs.upload(`did:plc:${text}`, bytes('a')))
    await expectFit((text) => blobs.read(alice, text))
    await expectFit((text) => blobs.listPublic(alice, { cursor: text }))
    await expectFit((text) => blobs.listPublic(alice, { since: text }))
    await expectFit((text) => blobs.stat(alice, 'x', { space: text }))
    await expectFit((text) => blobs.read(alice, String(missing.ref), { as: text as never }))
    await expectFit((rev) => blobs.applyWrites(alice, [], { rev }))
    await expectFit((uri) => commit(blobs, alice, { action: 'delete', uri }))
    await expectFit((text) => blobs.listSpace(alice, text))
    await expectFit((text) => blobs.dropSpace(alice, text))
    await expectFit((text) => blobs.applyWrites(alice, [], { rev: nextRev(), spaceRevs: { [text]: text } }))
  })

  test('quotes no type and no file name unchanged', async () => {
    const { blobs } = await place()
    await expectFit((mimeType) => blobs.upload(alice, bytes('a'), { mimeType }))
    await expectFit((text) => blobs.upload(alice, bytes('a'), { mimeType: `image/png; ${text}` }))
    await expectFit((fileName) => blobs.upload(alice, bytes('a'), { fileName }))
    await expectFit((text) => blobs.upload(alice, bytes('a'), { fileName: `${text}.png` }))
    await expectFit((text) => parseMimeType(text))
  })

  test('quotes no value of a record', async () => {
    await expectFit((text) => findBlobRefs({ a: { $type: 'blob', ref: { $link: text }, mimeType: text, size: text } }))
    await expectFit((text) => findBlobRefs({ a: { $type: 'blob', [text]: 1 } }))
  })

  test('quotes the keys of a record without what could end a line', async () => {
    await expectFit(
      (text) => findBlobRefs({ [text]: { $type: 'blob' } }),
      forged.filter((text) => /\p{Cc}/u.test(text)),
    )
  })

  test('quotes the keys of a record without separators and reversals', async () => {
    await expectFit((text) => findBlobRefs({ [text]: { $type: 'blob' } }))
  })

  test('quotes the URI of a record without what could end a line', async () => {
    const { blobs } = await place()
    await expectFit((text) =>
      commit(blobs, alice, { action: 'create', uri: `at://${alice}/a/${text}`.slice(0, 8000), record: { missing } }),
    )
  })

  test('quotes the name of an unknown option without what could end a line', async () => {
    const { blobs } = await place()
    await expectFit((text) => blobs.listPublic(alice, { [text]: 1 }))
  })
})

test('a response over HTTP quotes nothing that could end a line', async () => {
  const { blobs } = await place()
  const handler = createBlobHandler(blobs, tokens)
  for (const text of forged) {
    for (const params of [
      { did: text },
      { did: alice, cid: text },
      { did: alice, cursor: text },
      { did: alice, since: text },
    ]) {
      for (const path of [xrpc.get, xrpc.list, xrpc.missing]) {
        const response = await handler(new Request(`http://x${query(path, params)}`, { headers: asAlice }))
        const { message = '' } = (await response.json()) as { message?: string }
        expect(unfit.test(message), message).toBe(false)
      }
    }
  }
})

describe('what is logged', () => {
  /** An import references a blob with another size than it has, of which the store warns when it is uploaded. */
  async function differing(rkeys: readonly string[]): Promise<[object, string][]> {
    const { blobs, logged } = await place()
    const content = bytes('content')
    const ref = createBlobRef({ cid: cidOfBytes(content), mimeType: 'a/b', size: 8 })
    const writes = rkeys.map((rkey) => ({ action: 'create' as const, uri: `at://${alice}/a/${rkey}`, record: { ref } }))
    await blobs.applyWrites(alice, writes, { rev: nextRev(), missing: 'expect' })
    logged.length = 0
    await blobs.upload(alice, content)
    return logged
  }

  test('is data beside a constant message', async () => {
    const [[details, message] = [{}, '']] = await differing(['admin logged in'])
    expect(message).toMatch(/^Imported records reference this blob with another type or size than it has; [a-z ]+$/)
    expect(JSON.stringify(details)).toContain('admin logged in')
  })

  test('contains no record URI that could end a line: such a URI is refused', async () => {
    for (const rkey of forged) await expect(differing([rkey])).rejects.toMatchObject({ code: 'InvalidArgument' })
  })

  test('is capped', async () => {
    const [[details] = [{}]] = await differing(Array.from({ length: 20 }, (_, n) => `${n}${'x'.repeat(700)}`))
    expect(details).toMatchObject({ differing: Array.from({ length: 10 }, () => ({ size: 8 })) })
    expect(JSON.stringify(details).length).toBeLessThan(10_000)
  })
})
