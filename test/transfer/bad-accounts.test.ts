import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exportFiles, exportPds } from '../../src/export.ts'
import { DiskTree, type ImportPdsOptions, importAurora, importPds } from '../../src/import.ts'
import type { BlobStore } from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes } from '../support/samples.ts'
import { ReferencePds } from './reference-pds.ts'

// Fails when an account that cannot be read ends the import or export of the others, or is silently skipped.

/** What is done to the database of an account; `file` is closed by then, and has no log. */
const kinds: Record<string, (file: string) => void> = {
  'is missing': (file) => rmSync(file),
  'has no bytes': (file) => truncateSync(file),
  'is garbage': (file) => writeFileSync(file, Buffer.alloc(9000, 7)),
  'is garbage after its head': (file) =>
    writeFileSync(file, Buffer.concat([readFileSync(file).subarray(0, 100), Buffer.alloc(9000, 7)])),
  'is truncated': (file) => truncateSync(file, 4096),
  'is a folder': (file) => inPlaceOf(file, () => mkdirSync(file)),
  'is a named pipe': (file) => inPlaceOf(file, () => execFileSync('mkfifo', [file])),
  'is a loop of links': (file) => inPlaceOf(file, () => symlinkSync(file, file)),
  'is a link to nothing': (file) => inPlaceOf(file, () => symlinkSync(`${file}.gone`, file)),
  'is in something that is not a folder': (file) => {
    rmSync(dirname(file), { recursive: true })
    writeFileSync(dirname(file), '')
  },
  'has no table blob': (file) => alter(file, 'DROP TABLE blob'),
  'has a view blob': (file) =>
    alter(
      file,
      `ALTER TABLE blob RENAME TO other; CREATE VIEW blob AS
       WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many)
       SELECT 'x' || n AS cid, 'a/b' AS mimeType, 1 AS size, NULL AS tempKey, '' AS createdAt, NULL AS takedownRef FROM many`,
    ),
  'has a virtual table blob': (file) =>
    alter(
      file,
      'DROP TABLE blob; CREATE VIRTUAL TABLE blob USING fts5(cid, mimeType, size, tempKey, createdAt, takedownRef)',
    ),
  'lacks a column': (file) => alter(file, 'ALTER TABLE blob DROP COLUMN takedownRef'),
  'has no table record_blob': (file) => alter(file, 'DROP TABLE record_blob'),
  'has a view record_blob': (file) =>
    alter(file, 'ALTER TABLE record_blob RENAME TO other; CREATE VIEW record_blob AS SELECT * FROM other'),
}

function inPlaceOf(file: string, make: () => void): void {
  rmSync(file)
  make()
}

function alter(file: string, sql: string): void {
  const database = new Database(file)
  database.exec(sql)
  database.close()
}

const didOf = (kind: string): string => `did:plc:${kind.replaceAll(' ', '-')}`

/** Accounts with a blob each. All files are closed. */
function filled(...dids: string[]) {
  const pds = new ReferencePds()
  const files = new Map<string, string>()
  for (const did of dids) {
    pds.post(did, 'one', pds.upload(did, bytes(`of ${did}`)))
    pds.database(did).pragma('journal_mode = DELETE')
    files.set(did, pds.database(did).name)
  }
  pds.close()
  return { pds, fileOf: (did: string) => String(files.get(did)) }
}

function importFrom(pds: ReferencePds, blobs: BlobStore, options: Partial<ImportPdsOptions> = {}) {
  return importPds(blobs, { tree: new DiskTree({ location: pds.location }), actors: pds.actors, ...options })
}

describe('accounts whose databases cannot be read, in many ways,', () => {
  const bad = Object.keys(kinds).map(didOf)
  const spoil = (fileOf: (did: string) => string) => {
    for (const [kind, spoilOne] of Object.entries(kinds)) spoilOne(fileOf(didOf(kind)))
  }
  const unreadable = (findings: { problem: string; did?: string | undefined }[]) =>
    findings.map(({ problem, did }) => `${problem} ${did}`).sort()
  const expected = bad.map((did) => `unreadable ${did}`).sort()

  test.each(['pds', 'store'] as const)(
    'are findings of an import, and of exports: references %s',
    async (references) => {
      const { pds, fileOf } = filled(alice, ...bad)
      spoil(fileOf)
      const blobs = new FolderPlace().store()
      const report = await importFrom(pds, blobs, { references })
      expect(unreadable(report.findings)).toEqual(expected)
      expect(report.imported).toBe(1)
      for (const exported of [
        await exportPds(blobs, { location: temporaryFolder(), actors: pds.actors }),
        await exportFiles(blobs, { folder: temporaryFolder(), actors: pds.actors }),
      ]) {
        expect(exported.written).toBe(1)
        expect(unreadable(exported.findings)).toEqual(expected)
      }
    },
  )

  test('lose nothing of an earlier import, when the next forgets deleted blobs', async () => {
    const { pds, fileOf } = filled(alice, ...bad)
    const blobs = new FolderPlace().store()
    await importFrom(pds, blobs, { references: 'store' })
    spoil(fileOf)
    expect(await importFrom(pds, blobs, { references: 'store', prune: true })).toMatchObject({ pruned: 0 })
    for (const did of bad) expect((await blobs.importProgress(did)).imported, did).toBe(1)
  })
})

/** Until the test is finished. Permissions do not apply to root, and only root can mount. */
function makeReadOnly(folder: string): boolean {
  try {
    execFileSync('mount', ['--bind', folder, folder], { stdio: 'ignore' })
    onTestFinished(() => void execFileSync('umount', [folder]))
    execFileSync('mount', ['-o', 'remount,ro,bind', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The processes that this one has started to read databases. */
function readers(): number[] {
  const tasks = readdirSync('/proc/self/task')
  const children = tasks.flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '))
  const isReader = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('reader-worker')
  return children.filter(Boolean).map(Number).filter(isReader)
}

const leftovers = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('pds-blobstore-reader-'))

describe('an import', () => {
  test('waits a while for a database that is locked, and then continues', { timeout: 60_000 }, async () => {
    const { pds, fileOf } = filled(alice, bob)
    const blobs = new FolderPlace().store()
    const locked = new Database(fileOf(bob))
    locked.exec('BEGIN EXCLUSIVE')
    const report = await importFrom(pds, blobs)
    expect(report.findings).toMatchObject([{ problem: 'unreadable', did: bob }])
    expect(report.findings[0]?.error?.message).toMatch('locked')
    expect(report.imported).toBe(1)
    const again = importFrom(pds, blobs)
    setTimeout(() => locked.close(), 1000)
    expect(await again).toMatchObject({ imported: 1, findings: [] })
  })

  test('continues when an account is deleted before its turn comes', async () => {
    const { pds, fileOf } = filled(alice, bob)
    const [, last] = [fileOf(alice), fileOf(bob)].sort()
    const report = await importFrom(pds, new FolderPlace().store(), {
      onProgress: () => rmSync(dirname(String(last)), { recursive: true, force: true }),
    })
    expect(report.findings).toMatchObject([{ problem: 'unreadable', place: 'the database of the account' }])
    expect(report.imported).toBe(1)
  })

  test('reads no further in a database that was deleted meanwhile', async () => {
    const pds = new ReferencePds()
    for (let n = 0; n < 30; n++) pds.post(bob, `n${n}`, pds.upload(bob, bytes(`blob ${n}`)))
    const file = pds.database(bob).name
    pds.close()
    const report = await importFrom(pds, new FolderPlace().store(), {
      concurrency: 1,
      onProgress({ examined }) {
        if (examined !== 5) return
        rmSync(dirname(file), { recursive: true })
        rmSync(join(pds.location, bob), { recursive: true })
      },
    })
    expect(report.findings).toMatchObject([{ problem: 'unreadable', did: bob }])
    expect(report.imported).toBe(5)
  })

  test('reads what is in a log that has no index beside it', async () => {
    const pds = new ReferencePds()
    pds.post(bob, 'one', pds.upload(bob, bytes('in the log')))
    const { name } = pds.database(bob)
    for (const end of ['', '-wal']) copyFileSync(name + end, `${name}.copy${end}`)
    pds.close()
    for (const end of ['', '-wal', '-shm']) rmSync(name + end, { force: true })
    for (const end of ['', '-wal']) renameSync(`${name}.copy${end}`, name + end)
    expect(await importFrom(pds, new FolderPlace().store())).toMatchObject({ imported: 1, findings: [] })
  })

  test('reads from a read-only folder, and leaves nothing elsewhere', async (context) => {
    const pds = new ReferencePds()
    const ends = { clean: [''], logged: ['', '-wal'], open: ['', '-wal', '-shm'] }
    for (const [name, some] of Object.entries(ends)) {
      const did = `did:plc:${name}`
      pds.post(did, 'one', pds.upload(did, bytes(name)))
      const file = pds.database(did).name
      if (name === 'clean') pds.database(did).pragma('wal_checkpoint(TRUNCATE)')
      for (const end of some) copyFileSync(file + end, `${file}.copy${end}`)
    }
    const files = Object.keys(ends).map((name) => pds.database(`did:plc:${name}`).name)
    pds.close()
    for (const file of files) {
      for (const end of ['', '-wal', '-shm']) {
        rmSync(file + end, { force: true })
        if (existsSync(`${file}.copy${end}`)) renameSync(`${file}.copy${end}`, file + end)
      }
    }
    if (!makeReadOnly(pds.folder)) context.skip('it needs root, and mount')
    const before = leftovers()
    expect(await importFrom(pds, new FolderPlace().store())).toMatchObject({ imported: 3, findings: [] })
    expect(leftovers()).toEqual(before)
  })

  test('continues after a folder of accounts that cannot be read', async () => {
    const { pds, fileOf } = filled(alice, bob)
    const shard = dirname(dirname(fileOf(bob)))
    rmSync(shard, { recursive: true })
    symlinkSync(shard, shard)
    const blobs = new FolderPlace().store()
    const report = await importFrom(pds, blobs)
    expect(report.findings).toMatchObject([
      { problem: 'unreadable', place: shard },
      { problem: 'unknown', did: bob },
    ])
    expect(report.imported).toBe(1)
  })

  test('continues after an account that the store has deleted', async () => {
    const pds = new ReferencePds()
    for (let n = 0; n < 50; n++) pds.post(alice, `n${n}`, pds.upload(alice, bytes(`blob ${n}`)))
    pds.post(bob, 'one', pds.upload(bob, bytes('bob’s')))
    for (const references of ['pds', 'store'] as const) {
      const blobs = new FolderPlace().store()
      await blobs.upload(alice, bytes('before'))
      await blobs.deleteAccount(alice)
      const report = await importFrom(pds, blobs, { references })
      expect(report.findings).toMatchObject([{ problem: 'failed', did: alice }])
      expect((await blobs.usage(bob)).count).toBe(1)
    }
  })

  test.skipIf(process.platform !== 'linux')('continues with a new reader when one is killed', async () => {
    const pds = new ReferencePds()
    const dids = Array.from({ length: 6 }, (_nothing, n) => `did:plc:account${n}`)
    for (const did of dids) {
      for (let n = 0; n < 5; n++) pds.post(did, `n${n}`, pds.upload(did, bytes(`blob ${n} of ${did}`)))
    }
    pds.close()
    const report = await importFrom(pds, new FolderPlace().store(), {
      onProgress({ examined }) {
        if (examined === 8) for (const pid of readers()) process.kill(pid, 'SIGKILL')
      },
    })
    // None if it is found dead before the first question.
    const died = { problem: 'unreadable', error: { message: expect.stringMatching('died') } }
    expect(report.findings).toMatchObject(report.findings.map(() => died).slice(0, 1))
    expect(report.imported).toBeGreaterThanOrEqual(26)
    await expect.poll(readers, { timeout: 20_000 }).toEqual([])
  })

  test('continues after many blobs of one account that cannot be stored', async () => {
    const pds = new ReferencePds()
    for (let n = 0; n < 60; n++) {
      const { cid } = pds.upload(alice, bytes(`blob ${n}`))
      pds.post(alice, `n${n}`, { cid, mimeType: 'text/plain', size: 1 })
      const file = join(pds.location, alice, cid)
      if (n % 3 === 0) inPlaceOf(file, () => mkdirSync(file))
      if (n % 3 === 1) inPlaceOf(file, () => execFileSync('mkfifo', [file]))
      if (n % 3 === 2) inPlaceOf(file, () => symlinkSync(file, file))
    }
    pds.post(bob, 'one', pds.upload(bob, bytes('bob’s')))
    const report = await importFrom(pds, new FolderPlace().store())
    expect(report.findings.map(({ problem }) => problem)).toEqual(Array(60).fill('damaged'))
    expect(report.imported).toBe(1)
  })
})

test('an import of Aurora Locus reports a database that cannot be read', async () => {
  const some = ['is missing', 'has no bytes', 'is garbage', 'is a named pipe', 'has no table blob', 'lacks a column']
  for (const kind of some) {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'of'))
    const file = join(folder, 'of', 'account.sqlite')
    alter(file, 'CREATE TABLE blob_metadata (cid, mime_type, size, creator_did, created_at)')
    alter(file, 'CREATE TABLE blob (takedownRef, x); CREATE TABLE record_blob (x)')
    if (kind.startsWith('has') && kind !== 'has no bytes') alter(file, 'DROP TABLE blob_metadata')
    else if (kind === 'lacks a column') alter(file, 'ALTER TABLE blob_metadata DROP COLUMN cid')
    else kinds[kind]?.(file)
    const report = await importAurora(new FolderPlace().store(), { folder, database: file })
    expect(report.findings, kind).toMatchObject([{ problem: 'unreadable', place: file }])
  }
  expect(existsSync('account.sqlite')).toBe(false)
})
