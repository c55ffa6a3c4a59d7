import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { type BlobStore, isBlobStoreError } from '../../src/index.ts'
import { places } from '../support/places.ts'
import { Random } from '../support/random.ts'
import { alice, bob, bytes, commit, friends, nextRev, post, uriIn, uriOf } from '../support/samples.ts'
import { anyText } from '../trials/fuzz/mutations.ts'

// Row 27 of the table of attacks: SQL injection. Fails when a value is written into a statement, or a `sql.raw` occurs
// anywhere but where the names of settings are constants.

const injections = [
  `'`,
  `' OR '1'='1`,
  `'; DROP TABLE blobstore_blob; --`,
  `" OR 1=1 --`,
  `\\'; DELETE FROM blobstore_ref; --`,
  `%' ESCAPE '\\`,
  `\0' OR 1=1`,
  `$1`,
  `?`,
  `:did`,
  `*`,
  `did:plc:%`,
  `/* */ UNION SELECT * FROM blobstore_meta --`,
  'x'.repeat(10_000),
]

/** Everything that accepts a string, with this one; a failure must be one of the library's, about the argument. */
async function sayEverywhere(blobs: BlobStore, text: string): Promise<string[]> {
  const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
  const cursors = ['referenced', 'own', 'missing'].map((list) =>
    Buffer.from(JSON.stringify([list, text, text])).toString('base64url'),
  )
  const did = `did:plc:${text}`
  const ref = { $type: 'blob', ref: { $link: text }, mimeType: text, size: 1 }
  const calls: (() => Promise<unknown>)[] = [
    ...[did, text, '*'].flatMap((who) => [
      () => blobs.upload(who, bytes('x')),
      () => blobs.usage(who),
      () => blobs.listAll(who),
      () => blobs.read(who, cid),
      () => blobs.deleteAccount(who === alice ? bob : who),
      () => blobs.reopenAccount(who),
    ]),
    ...[text, ...cursors].flatMap((value) => [
      () => blobs.listPublic(alice, { cursor: value }),
      () => blobs.listAll(alice, { cursor: value }),
      () => blobs.listMissing(alice, { cursor: value }),
    ]),
    () => blobs.listPublic(alice, { since: text }),
    () => blobs.listSpace(alice, text),
    () => blobs.dropSpace(alice, text),
    () => blobs.listMissing(alice, { space: text }),
    () => blobs.stat(alice, cid, { space: text }),
    () => blobs.stat(alice, text),
    () => blobs.recordsFor(alice, text),
    () => blobs.takedown(bob, cid, { ref: text }),
    () => blobs.takedown(did, cid),
    () => blobs.reverseTakedown(text, cid),
    () => blobs.upload(alice, bytes('y'), { mimeType: text }),
    () => blobs.upload(alice, bytes('y'), { mimeType: `text/plain; ${text}` }),
    () => blobs.upload(alice, bytes('y'), { fileName: text }),
    () => blobs.applyWrites(alice, [], { rev: text }),
    () => commit(blobs, alice, { action: 'create', uri: uriOf(alice, text), record: { [text]: ref } }),
    () => commit(blobs, alice, { action: 'create', uri: uriOf(alice, text), record: { [text]: text } }),
    () => commit(blobs, alice, { action: 'create', uri: text, record: {} }),
    () => commit(blobs, alice, { action: 'create', uri: uriIn(friends, alice, text), record: {} }),
    () => commit(blobs, alice, { action: 'create', uri: uriIn(text, alice, 'r'), record: {} }),
    () => blobs.applyWrites(alice, [], { rev: nextRev(), spaceRevs: { [text]: text } }),
    () => commit(blobs, alice, { action: 'delete', uri: uriOf(alice, text) }),
  ]
  const odd: string[] = []
  for (const [index, call] of calls.entries()) {
    await call().catch((error: unknown) => {
      const code = isBlobStoreError(error) ? error.code : `${error}`
      if (!/^(Invalid|AccountDeleted|BlobNotFound|BlobTakenDown|PayloadTooLarge)/.test(code)) {
        odd.push(`call ${index} with ${JSON.stringify(text.slice(0, 60))}: ${code}`)
      }
    })
  }
  return odd
}

test.each(places)('no string changes what a statement does: on $name', async ({ make }) => {
  const { store, db } = make()
  const blobs = store()
  const kept = await blobs.upload(alice, bytes('kept'), { mimeType: 'text/plain' })
  await post(blobs, alice, 'kept', kept)
  const random = new Random('27')
  const texts = [...injections, ...Array.from({ length: 40 }, () => anyText(random))]
  const odd: string[] = []
  for (const text of texts) odd.push(...(await sayEverywhere(blobs, text)))
  expect(odd).toEqual([])
  expect(await blobs.listPublic(alice)).toEqual({ items: [kept.ref.toString()] })
  expect(Buffer.from(await (await blobs.read(alice, kept.ref)).bytes()).toString()).toBe('kept')
  expect(await blobs.recordsFor(alice, kept.ref)).toEqual([uriOf(alice, 'kept')])
  if (db) {
    for (const table of ['account', 'upload', 'content', 'blob', 'ref', 'expected', 'doomed', 'takedown', 'meta']) {
      await sql`select * from ${sql.table(`blobstore_${table}`)}`.execute(db)
    }
  }
})

describe('the source', () => {
  const root = join(import.meta.dirname, '../../src')
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name, code: readFileSync(join(root, name), 'utf8') }))
  const namesWith = (found: RegExp): string[] =>
    sources.flatMap(({ name, code }) =>
      code
        .split('\n')
        .filter((line) => found.test(line))
        .map(() => name),
    )

  test('writes raw SQL only where the names of settings and migrations are constants', () => {
    expect(new Set(namesWith(/\bsql\s*\.\s*(?:raw|lit|literal)\b|\.prepare\(/))).toEqual(
      new Set([
        'metadata/sqlite/settings.ts',
        'metadata/schema/migrations.ts',
        'metadata/schema/spaces-migration.ts', // names of its own
        'metadata/sqlite/statement-cache.ts', // what Kysely has compiled, and how a transaction begins and ends
        'metadata/postgres/functions/stored-function.ts', // the name of a parameter
        'metadata/postgres/functions/install.ts', // constants, and the name of the tables' schema, quoted
        'cli/place.ts', // a constant
        // In a separate process, on a read-only connection: names of tables, quoted.
        'transfer/reader/account-answers.ts',
        'transfer/reader/aurora-answers.ts',
        'transfer/reader/tables.ts',
      ]),
    )
  })

  test('deletes no directory with unknown content (row 30)', () => {
    expect(namesWith(/\brm(?:Sync)?\(|recursive: true.*(?:rm|force)|force: true/)).toEqual([])
  })

  test('evaluates no text, and starts no process except those that decode images and read databases, no threads except those on the SQLite file', () => {
    const evaluates = /\beval\(|new Function\(|node:(?:child_process|vm|worker_threads)|require\(/
    expect(new Set(namesWith(evaluates))).toEqual(
      new Set([
        'backup-worker.ts',
        'checkpoint-worker.ts',
        'metadata/sqlite/thread.ts',
        'metadata/sqlite/checkpoint-thread.ts', // its type
        'images/pool/worker-process.ts',
        'transfer/reader/sqlite-reader.ts',
      ]),
    )
  })
})
