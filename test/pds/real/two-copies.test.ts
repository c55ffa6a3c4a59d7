import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/places.ts'
import { alice } from '../../support/samples.ts'
import { describeWithPds } from './network.ts'

// Fails when an import reads the databases of the PDS in its own process: two copies of SQLite drop each other's locks.

describeWithPds('an import in the process of a PDS, which has a copy of SQLite of its own,', () => {
  const pds = createRequire(new URL('../../../examples/pds/pds.ts', import.meta.url))
  const hosts = pathToFileURL(pds.resolve('better-sqlite3')).href

  /** The error of another process that wants to write while the host writes. */
  function told(mode: string, how: string): string {
    const folder = join(temporaryFolder(), createHash('sha256').update(alice).digest('hex').slice(0, 2), alice)
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'store.sqlite')
    const database = new Database(file)
    database.pragma(`journal_mode = ${mode}`)
    database.exec(`CREATE TABLE blob (cid, mimeType, size, tempKey, createdAt, takedownRef);
      CREATE TABLE record_blob (blobCid, recordUri); CREATE TABLE record (uri, cid, repoRev);
      INSERT INTO blob VALUES ('committed', 'a/b', 1, NULL, '2024', NULL)`)
    database.close()
    const args = [join(import.meta.dirname, 'two-copies.mjs'), hosts, file, how]
    return execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }).trim()
  }

  test.each(['WAL', 'DELETE'])('an import leaves the PDS its locks, in the mode %s', (mode) => {
    expect(told(mode, 'import')).toBe('SQLITE_BUSY')
  })

  test("reading the files in the PDS's own process would drop its locks", () => {
    expect(told('DELETE', 'in-process')).toBe('free')
  })
})
