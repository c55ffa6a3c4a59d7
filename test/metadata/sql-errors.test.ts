import { describe, expect, test } from 'vitest'
import { BlobStoreError, type BlobStoreErrorCode } from '../../src/index.ts'
import { isBusy, isLostRace, LostRace, metadataError } from '../../src/metadata/sql-errors.ts'

// What drivers throw, with their messages and codes. Fails when one of them is no longer recognized.

const thrown = (code: string | null, message = 'what the driver says'): Error =>
  Object.assign(new Error(message), code === null ? {} : { code })

const busy = [
  thrown('SQLITE_BUSY'),
  thrown('SQLITE_BUSY_SNAPSHOT'),
  thrown('SQLITE_LOCKED_SHAREDCACHE'),
  thrown('ERR_SQLITE_ERROR', 'database is locked'),
  ...['40001', '40P01', '55P03'].map((code) => thrown(code)),
]

const lost = [
  new LostRace(),
  thrown('SQLITE_CONSTRAINT_FOREIGNKEY'),
  thrown('SQLITE_CONSTRAINT_PRIMARYKEY'),
  thrown('ERR_SQLITE_ERROR', 'UNIQUE constraint failed: blobstore_content.cid'),
  thrown('ERR_SQLITE_ERROR', 'FOREIGN KEY constraint failed'),
  ...['23505', '23503'].map((code) => thrown(code)),
]

const other = [thrown('SQLITE_FULL'), thrown('SQLITE_ERROR'), thrown(null, 'it is locked'), thrown('42P01')]

describe('what a driver throws', () => {
  test('is recognized as another transaction in the way', () => {
    expect(busy.map(isBusy)).toEqual(busy.map(() => true))
    expect([...lost, ...other].filter(isBusy)).toEqual([])
  })

  test('is recognized as a lost race', () => {
    expect(lost.map(isLostRace)).toEqual(lost.map(() => true))
    expect([...busy, ...other].filter(isLostRace)).toEqual([])
  })

  test.each<[Error, BlobStoreErrorCode, boolean]>([
    ...[...busy, ...lost].map((error) => [error, 'MetadataBusy', true] as [Error, BlobStoreErrorCode, boolean]),
    [thrown('SQLITE_FULL'), 'StorageFull', false],
    [thrown('53100'), 'StorageFull', false],
    [thrown('SQLITE_IOERR'), 'MetadataFailed', true],
    [thrown('SQLITE_IOERR_WRITE'), 'MetadataFailed', false],
    [thrown('08006'), 'MetadataFailed', true],
    ...['08000', '08003', '08P01', '57P01', '57P02', '57P03', '57P05', '25P03', '25P04'].map(
      (code) => [thrown(code), 'MetadataFailed', true] as [Error, BlobStoreErrorCode, boolean],
    ),
    // A standby before its promotion: to a statement, and to the BEGIN of a transaction that writes.
    [thrown('25006', 'cannot execute INSERT in a read-only transaction'), 'MetadataFailed', true],
    [Object.assign(thrown('0A000'), { routine: 'call_bool_check_hook' }), 'MetadataFailed', true],
    [thrown('0A000'), 'MetadataFailed', false],
    [thrown('25001'), 'MetadataFailed', false],
    [thrown('SQLITE_CORRUPT'), 'MetadataFailed', false],
    [thrown(null), 'MetadataFailed', false],
  ])('becomes an error of the library: %s', (cause, code, transient) => {
    expect(metadataError(cause)).toMatchObject({ name: 'BlobStoreError', code, transient, cause })
  })

  test.each([
    [thrown('SQLITE_CANTOPEN', 'unable to open database file'), 'Is the path right'],
    [thrown('SQLITE_READONLY_DIRECTORY'), 'may the user that runs the process write'],
    [thrown('SQLITE_NOTADB', 'file is not a database'), 'Is the path that of the database?'],
    [thrown('SQLITE_ERROR', 'no such table: blobstore_account'), 'Is `trx` a transaction of the database'],
  ])('comes with a hint what to check: %s', (cause, advice) => {
    expect(metadataError(cause)).toMatchObject({ message: expect.stringContaining(advice) })
  })

  test('is quoted without what could end a line of a log', () => {
    const told = metadataError(thrown('SQLITE_ERROR', 'near "\n": syntax error')) as Error
    expect(told.message).not.toContain('\n')
    expect(told.message).toContain('syntax error')
  })

  test('passes unchanged if it is no failure of the database', () => {
    const own = new BlobStoreError('BlobNotFound', 'no such blob')
    const aborted = new DOMException('enough', 'AbortError')
    for (const one of [own, aborted, 'a reason of the host’s', undefined]) expect(metadataError(one)).toBe(one)
  })
})
