import type Database from 'better-sqlite3'
import { fileError } from '../../../src/backend/files/file-error.ts'
import { type SystemCalls, sys } from '../../../src/backend/files/system-calls.ts'
import type { BlobBackend } from '../../../src/index.ts'
import type { Passage } from '../simulate/database.ts'
import { interceptBackend } from '../simulate/intercept.ts'
import { SqlFault } from '../simulate/sql-faults.ts'
import type { Trap } from './trap.ts'

/** Whose calls are counted, and go wrong. */
export type Level = 'backend calls' | 'system calls' | 'SQL statements'

const systemError = (errno: string): Error => Object.assign(new Error(errno), { code: errno, syscall: 'test' })

/** A backend that rejects with what the disk backend makes of the same errors. */
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

/** Lets every system call of the disk backend go through the trap of the time. Gives what undoes that. */
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
  // Whatever close says, and whoever dies, the descriptor is gone.
  for (const name of ['close', 'closeRead'] as const) {
    sys[name] = async (fd) => {
      await original[name](fd)
      return trapNow().call(name, async () => {}, { errorOf })
    }
  }
  // What is not tested here need not be waited for.
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

/** With these the transaction is over: SQLite ends it by itself, and a lost connection does. */
const ending = new Set(['ENOSPC', 'short write', 'EIO', 'timeout after'])

/** Lets every statement go through the trap. */
export function trappedStatement(database: Database.Database, trap: Trap): Passage['statement'] {
  return ({ sql }, run) => {
    const fault = trap.step(sql)
    if (fault === undefined) return run()
    // There is no database on which a rollback fails and leaves the transaction open.
    if (fault === 'timeout after' || sql === 'rollback') run()
    if (ending.has(fault) && database.inTransaction) database.exec('rollback')
    throw new SqlFault(...(sqlErrors[fault] as [string, string]))
  }
}
