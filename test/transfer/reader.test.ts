import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { SqliteReader, type SqliteReaderOptions } from '../../src/transfer/reader/sqlite-reader.ts'
import { temporaryFolder } from '../support/places.ts'

// Fails when a reading process dies, hangs or sends invalid answers, and more than one question is lost.

function reader(program: string, options: SqliteReaderOptions = {}): SqliteReader {
  const file = join(temporaryFolder(), 'program.mjs')
  const head = `import { appendFileSync, readFileSync } from 'node:fs'
    const starts = ${JSON.stringify(`${file}.starts`)}
    appendFileSync(starts, '.')
    const first = readFileSync(starts, 'utf8').length === 1
    const answer = (answer) => process.on('message', ({ id }) => process.send({ kind: 'answer', id, answer }))
    process.send({ kind: 'ready' })
    if (!first) answer(7)
    else { ${program} }`
  writeFileSync(file, head)
  const made = new SqliteReader({ program: pathToFileURL(file), ...options })
  onTestFinished(() => made.close())
  return made
}

const page = `{ rows: [], next: '5' }`
const wrongs: [what: string, program: string, error: RegExp][] = [
  ['dies', `process.on('message', () => process.exit(3))`, /died: it ended with status 3/],
  ['is killed', `process.on('message', () => process.kill(process.pid, 'SIGKILL'))`, /died: it ended with SIGKILL/],
  ['runs out of memory', `process.on('message', () => process.abort())`, /died/],
  ['hangs', `process.on('message', () => { for (;;); })`, /no answer within 4 s/],
  ['says nothing', `process.on('message', () => {})`, /no answer within/],
  ['answers with a text', `answer('seven')`, /invalid answer/],
  ['answers with a negative number', 'answer(-1)', /invalid answer/],
  ['answers with null', 'answer(null)', /invalid answer/],
  ['answers with a page', `answer(${page})`, /invalid answer/],
  [
    'answers without a question',
    `process.on('message', () => process.send({ kind: 'answer', id: 99, answer: 7 }))`,
    /without a question/,
  ],
  ['sends an invalid message', `process.on('message', () => process.send('hello'))`, /without a question/],
]

test.each(wrongs)('a reader that %s is replaced by a new one', async (_what, program, error) => {
  const made = reader(program, { deadline: 4000 })
  await expect(made.ask('/x', 'countBlobs', {})).rejects.toThrow(error)
  expect(await made.ask('/x', 'countBlobs', {})).toBe(7)
})

test('a reader whose pages do not lead on is stopped', async () => {
  const made = reader(`answer(${page})`)
  expect(await made.ask('/x', 'blobs', { takenDown: false, after: '4' })).toEqual({ rows: [], next: '5' })
  await expect(made.ask('/x', 'blobs', { takenDown: false, after: '5' })).rejects.toThrow('invalid answer')
})

test('a reader that cannot be started is an error of its own, which ends an import', async () => {
  const made = new SqliteReader({ program: new URL('file:///there/is/no/such.mjs') })
  await expect(made.ask('/x', 'countBlobs', {})).rejects.toMatchObject({ code: 'StorageFailed' })
  const unusable = reader(`process.send({ kind: 'unusable', reason: 'no SQLite' })`)
  await expect(unusable.ask('/x', 'countBlobs', {})).rejects.toThrow('no SQLite')
})

test('a reader ends with the signal, and its caller gets the reason', async () => {
  const aborting = new AbortController()
  const made = reader(`process.on('message', () => { for (;;); })`, { signal: aborting.signal })
  const asked = made.ask('/x', 'countBlobs', {})
  setTimeout(() => aborting.abort(new Error('enough')), 300)
  await expect(asked).rejects.toThrow('enough')
  await expect(made.ask('/x', 'countBlobs', {})).rejects.toThrow('enough')
})

test('a program that has the same database open keeps its locks while it is read', async () => {
  const file = join(temporaryFolder(), 'store.sqlite')
  const own = new Database(file)
  own.exec(`CREATE TABLE blob (cid, mimeType, size, tempKey, createdAt, takedownRef);
    CREATE TABLE record_blob (blobCid, recordUri); BEGIN IMMEDIATE; INSERT INTO blob (cid) VALUES ('x')`)
  using made = new SqliteReader()
  expect(await made.ask(file, 'countBlobs', {})).toBe(0)
  // A lock that was dropped would let a second writer in.
  const second = new Database(file, { timeout: 0 })
  expect(() => second.exec('BEGIN IMMEDIATE')).toThrow('locked')
  own.exec('COMMIT')
  expect(await made.ask(file, 'countBlobs', {})).toBe(1)
  for (const database of [own, second]) database.close()
})
