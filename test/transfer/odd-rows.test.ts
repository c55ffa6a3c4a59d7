import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { DiskTree, importAurora, importPds } from '../../src/import.ts'
import { cidOfBytes } from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes, day, uriOf } from '../support/samples.ts'

// Fails when a row that the PDS would not write ends an import, is reported for ever, or loses a blob.

const long = `printf('%.*c', 10000000, 'x')`
/** The value of a column as SQL: of another type, of another encoding, or too long. */
const nonsense = [`cast(x'ff' as text)`, `x'ff00'`, '1', '-1.5', 'NULL', `''`, long, `'${'é'.repeat(100)}'`]

/** A database with one good blob, and tables with these changes. */
function source(tables = 'WITHOUT ROWID') {
  const folder = temporaryFolder()
  const actor = join(folder, 'actors', createHash('sha256').update(alice).digest('hex').slice(0, 2), alice)
  mkdirSync(actor, { recursive: true })
  mkdirSync(join(folder, 'blocks', alice), { recursive: true })
  const database = new Database(join(actor, 'store.sqlite'))
  const rowid = tables === 'WITHOUT ROWID'
  const [key, end] = rowid ? [', n INTEGER, PRIMARY KEY (cid, n)', tables] : ['', '']
  database.exec(`CREATE TABLE blob (cid, mimeType, size, tempKey, createdAt, takedownRef ${rowid ? key.replace('cid, n', 'n') : tables}) ${end};
    CREATE TABLE record_blob (blobCid, recordUri);
    CREATE TABLE repo_root (did, cid, rev); CREATE TABLE repo_block (cid, content); CREATE TABLE record (uri, cid, repoRev);`)
  let number = -5
  const insert = (values: string) => {
    number += 1
    const columns = `cid, mimeType, size, tempKey, createdAt, takedownRef${rowid ? ', n' : ''}`
    database.exec(`INSERT INTO blob (${columns}) VALUES (${values}${rowid ? `, ${number}` : ''})`)
  }
  const put = (text: string): string => {
    const cid = cidOfBytes(bytes(text))
    writeFileSync(join(folder, 'blocks', alice, cid), text)
    return cid
  }
  const good = put('good')
  insert(`'${good}', 'text/plain', 4, NULL, '2025', NULL`)
  const name = (cid: string, uri: string) => database.exec(`INSERT INTO record_blob VALUES (${cid}, ${uri})`)
  name(`'${good}'`, `'${uriOf(alice, 'good')}'`)
  const run = (references: 'pds' | 'store', place = new FolderPlace()) => {
    const blobs = place.store()
    const tree = new DiskTree({ location: join(folder, 'blocks') })
    return importPds(blobs, { tree, actors: join(folder, 'actors'), references }).then((report) => ({ report, blobs }))
  }
  return { database, insert, put, name, good, run }
}

const tables = {
  'with row numbers': '',
  'without row numbers': 'WITHOUT ROWID',
  'with columns that hide row numbers': ', rowid, oid, _rowid_',
}

describe.each(Object.entries(tables))('tables %s', (_name, kind) => {
  test('with invalid CIDs are reported row by row, once each', async () => {
    const { database, insert, name, good, run } = source(kind)
    for (const value of nonsense) {
      insert(`${value}, 'a/b', 1, NULL, '2024', NULL`)
      insert(`${value}, 'a/b', 1, NULL, '2024', 'case'`)
      name(value, `'${uriOf(alice, 'odd')}'`)
    }
    database.close()
    for (const references of ['pds', 'store'] as const) {
      const { report, blobs } = await run(references)
      expect(new Set(report.findings.map(({ problem, did }) => `${problem} ${did}`))).toEqual(
        new Set([`unreadable ${alice}`]),
      )
      expect(report.findings.length).toBeGreaterThanOrEqual(2 * nonsense.length)
      expect(report.findings.length).toBeLessThanOrEqual(3 * nonsense.length)
      expect(await blobs.stat(alice, good)).not.toBe(null)
    }
  })

  test('are read to their end, page by page', async () => {
    const { database, insert, run } = source(kind)
    database.exec('BEGIN')
    for (let n = 0; n < 1300; n++) insert(`cast(x'ff' as text) || ${n % 3}, 'a/b', 1, NULL, '2024', NULL`)
    database.exec('COMMIT')
    database.close()
    const { report } = await run('pds')
    expect(report).toMatchObject({ blobs: 1301, examined: 1301, imported: 1 })
    expect(report.findings).toHaveLength(1300)
  })
})

test('columns with invalid values are reported, and the blob is kept as far as it is known', async () => {
  const { database, insert, put, run } = source('')
  const kept: string[] = []
  for (const [index, value] of nonsense.entries()) {
    const columns = [`'text/plain'`, '4', 'NULL', `'2024'`, 'NULL']
    for (const [at, column] of ['mimeType', 'size', 'tempKey', 'createdAt', 'takedownRef'].entries()) {
      const cid = put(`${column} ${index}`)
      insert(`'${cid}', ${columns.map((one, own) => (own === at ? value : one)).join(', ')}`)
      database.exec(`INSERT INTO record_blob VALUES ('${cid}', '${uriOf(alice, cid)}')`)
      kept.push(cid)
    }
  }
  database.close()
  for (const references of ['pds', 'store'] as const) {
    const place = new FolderPlace()
    const { report, blobs } = await run(references, place)
    expect(report.imported).toBe(kept.length + 1)
    expect(new Set(report.findings.map(({ problem }) => problem))).toEqual(new Set(['unreadable', 'differs']))
    for (const column of ['mimeType', 'size', 'tempKey', 'createdAt', 'takedownRef']) {
      expect(
        report.findings.some(({ place }) => place === `table blob, ${column}`),
        column,
      ).toBe(true)
    }
    for (let round = 0; round < 2; round++) {
      place.clock.advance(30 * day)
      await blobs.collect()
    }
    for (const cid of kept) expect(await blobs.stat(alice, cid, { as: 'moderator' }), cid).not.toBe(null)
  }
})

test('records with invalid URIs keep their blobs', async () => {
  const { database, insert, put, name, run } = source('')
  const kept = nonsense.map((uri, index) => {
    const cid = put(`named oddly ${index}`)
    insert(`'${cid}', 'text/plain', ${cid.length}, NULL, '2024', NULL`)
    name(`'${cid}'`, uri)
    return cid
  })
  name(`'${kept[0]}'`, `'at://did:plc:somebody/app.bsky.feed.post/else'`)
  database.close()
  for (const references of ['pds', 'store'] as const) {
    const place = new FolderPlace()
    const { report, blobs } = await run(references, place)
    expect(report.imported).toBe(kept.length + 1)
    const told = references === 'store' ? [...kept, kept[0]] : []
    expect(
      report.findings
        .filter(({ problem }) => problem === 'unreadable')
        .map(({ cid }) => cid)
        .sort(),
    ).toEqual(told.sort())
    place.clock.advance(30 * day)
    await blobs.collect()
    for (const cid of kept) expect(await blobs.stat(alice, cid), cid).not.toBe(null)
  }
})

test('a size in a row that differs from that of the bytes is reported', async () => {
  const { database, insert, put, name, run } = source('')
  const cid = put('five!')
  insert(`'${cid}', 'text/plain', 50, NULL, '2024', NULL`)
  name(`'${cid}'`, `'${uriOf(alice, 'five')}'`)
  database.close()
  const { report, blobs } = await run('store')
  expect(report.findings).toMatchObject([{ problem: 'differs', cid }])
  expect(await blobs.stat(alice, cid)).toMatchObject({ size: 5, referenced: true })
})

test('rows of Aurora Locus with invalid values are reported, each once', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'account.sqlite')
  const database = new Database(file)
  database.exec('CREATE TABLE blob_metadata (cid, mime_type, size, creator_did, created_at)')
  const good = `bafyrei${createHash('sha256').update('good').digest('hex')}`
  for (const value of nonsense) {
    database.exec(`INSERT INTO blob_metadata VALUES (${value}, 'a/b', 1, 'did:plc:x', '2024')`)
    database.exec(`INSERT INTO blob_metadata VALUES ('${good}', 'a/b', 1, ${value}, '2024')`)
  }
  mkdirSync(join(folder, 'blobs', 'ba'), { recursive: true })
  writeFileSync(join(folder, 'blobs', 'ba', good), 'good')
  database.exec(`INSERT INTO blob_metadata VALUES ('${good}', ${long}, 1, '${alice}', x'00')`)
  database.close()
  const blobs = new FolderPlace().store()
  const report = await importAurora(blobs, { folder: join(folder, 'blobs'), database: file })
  expect(report.imported).toBe(1)
  expect(report.findings).toHaveLength(2 * nonsense.length + 1)
  expect(new Set(report.findings.map(({ problem }) => problem))).toEqual(new Set(['unreadable']))
})
