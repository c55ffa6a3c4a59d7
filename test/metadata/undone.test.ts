import { expect, test } from 'vitest'
import { BlobStoreError } from '../../src/index.ts'
import { isUndone } from '../../src/metadata/sql-errors.ts'

const failed = (cause?: object) => new BlobStoreError('MetadataFailed', 'it failed', { cause })

// What is wrongly taken for undone may be committed, and its bytes deleted.
test.each([
  ['nothing known', undefined],
  ['a reset connection', { code: 'ECONNRESET' }],
  ['an error of TLS', { code: 'EPROTO' }],
  ['a stream that was destroyed', { code: 'ERR_STREAM_DESTROYED' }],
  ['a code of the system that looks like an SQLSTATE', { code: 'EBADF' }],
  ['an SQLSTATE that no server sent', { code: '42P01' }],
  ['a server that shuts down', { code: '57P01', severity: 'FATAL' }],
  ['a transaction that was ended by a timeout', { code: '25P03', severity: 'FATAL' }],
  ['a statement whose completion is unknown', { code: '40003', severity: 'ERROR' }],
  ['a pooler that lost its server', { code: '08P01', severity: 'FATAL' }],
  ['an I/O error of PostgreSQL', { code: '58030', severity: 'ERROR' }],
  ['an I/O error of better-sqlite3', { code: 'SQLITE_IOERR_FSYNC' }],
  ['an I/O error of node:sqlite', { code: 'ERR_SQLITE_ERROR', errcode: 1034 }],
  ['an error of node:sqlite without a number', { code: 'ERR_SQLITE_ERROR' }],
])('the outcome is unknown after %s', (_, cause) => {
  expect(isUndone(failed(cause))).toBe(false)
})

test.each([
  ['a missing table', { code: '42P01', severity: 'ERROR' }],
  ['a standby', { code: '25006', severity: 'ERROR' }],
  ['an error of better-sqlite3', { code: 'SQLITE_READONLY' }],
  ['a full disk of node:sqlite', { code: 'ERR_SQLITE_ERROR', errcode: 13 }],
])('a transaction is undone after %s', (_, cause) => {
  expect(isUndone(failed(cause))).toBe(true)
})

test('the outcome is unknown when the database is not what it was, or the error is not the library’s', () => {
  expect(isUndone(new BlobStoreError('MetadataUnsafe', 'another file'))).toBe(false)
  expect(isUndone(new Error('something'))).toBe(false)
  expect(isUndone(new BlobStoreError('UploadExpired', 'closed'))).toBe(true)
})
