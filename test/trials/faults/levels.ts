import type Database from 'better-sqlite3'
import { fileError } from '../../../src/backend/files/file-error.ts'
import { type SystemCalls, sys } from '../../../src/backend/files/system-calls.ts'
import type { BlobBackend } from '../../../src/index.ts'
import type { Passage } from '../simulate/database.ts'
import { interceptBackend } from '../simulate/intercept.ts'
import { SqlFault } from '../simulate/sql-faults.ts'
import type { Trap } from './trap.ts'

/** Whose calls are counted, and fail. */
export type Level = 'backend calls' | 'system calls' | 'SQL statements'

const systemError = (errno: string): Error => Object.assign(new Error(errno), { code: errno, syscall: 'test' })

/** A backend that rejects with the errors that the disk backend would throw. */
export function trappedBackend(inner: BlobBackend, trap: Trap): BlobBackend {
  const errorOf = (errno: string) => fileError(systemError(errno), { verb: 'do it', backend: inner.name }) as Error
  return interceptBackend(inner, (method, run, { half }) => trap.call(method, run, { errorOf, half }))
}

/** A backend that is as dead as its process. */
export function mortalBackend(inner: BlobBackend, trap: Trap): BlobBackend {
  return interceptBackend(inner, async (_method, run) => {
    trap.assertAlive()
    return run()
  })
}

/** Sends every system call of the disk backend through the current trap. Returns a function that undoes that. */
export function trapSystemCalls(trapNow: () => Trap): () => void {
  const original: SystemCalls = { ...sys }
  const errorOf = systemError
  for (const name of Object.keys(sys) as (keyof SystemCalls)[]) {
    const real = original[name] as (...given: unknown[]) => Promise<unknown>
    const trapped = (...given: unknown[]): Promise<unknown> => trapNow().call(name, () => real(...given), { errorOf })
    Object.assign(sys, { [name]: trapped })
  }
  sys.writev = (fd, chunks) => {
    const half = () => original.writev(fd, [Buffer.concat(chunks).subarray(0, 10)])
    return trapNow().call('writev', () => original.writev(fd, chunks), { errorOf, half })
  }
  // Whatever close returns, and even if the process dies, the descriptor is closed.
  for (const name of ['close', 'closeRead'] as const) {
    sys[name] = async (fd) => {
      await original[name](fd)
      return trapNow().call(name, async () => {}, { errorOf })
    }
  }
  // Waits for nothing that is not tested here.
  sys.fsync = () => trapNow().call('fsync', async () => {}, { errorOf })
  return () => void Object.assign(sys, original)
}

const sqlErrors: Record<string, [code: string, message: string]> = {
  ENOSPC: ['SQLITE_FULL', 'database or disk is full'],
  'short write': ['SQLITE_FULL', 'database or disk is full'],
  EIO: ['SQLITE_IOERR_WRITE', 'disk I/O error'],
  EMFILE: ['SQLITE_CANTOPEN', 'unable to open database file'],
  EROFS: ['SQLITE_READONLY', 'attempt to write a readonly database'],
  'timeout before': ['SQLITE_BUSY', 'database is locked'],
  'timeout after': ['08006', 'the connection was lost'],
}

/** After these errors the transaction is over: SQLite ends it by itself, and so does a lost connection. */
const ending = new Set(['ENOSPC', 'short write', 'EIO', 'timeout after'])

/** Sends every statement through the trap. */
export function trappedStatement(database: Database.Database, trap: Trap): Passage['statement'] {
  return ({ sql }, run) => {
    const fault = trap.step(sql)
    if (fault === undefined) return run()
    // No database fails a rollback and leaves the transaction open.
    if (fault === 'timeout after' || sql === 'rollback') run()
    if (ending.has(fault) && database.inTransaction) database.exec('rollback')
    throw new SqlFault(...(sqlErrors[fault] as [string, string]))
  }
}
