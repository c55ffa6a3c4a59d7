import { accessSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { durable } from '../contenders/ours.ts'
import { Database } from '../library.ts'
import { accountOf, Blobs } from '../workloads/blobs.ts'
import { begin, end } from './marks.ts'

// What bench/listing/main.ts watches: uploads of 50 KiB with their records, one at a time, in a store that has some.

const size = 50 * 1024
const [before, watched] = [500, 500]

const folder = mkdtempSync(join(process.argv[2] ?? '.', 'listing-'))
const statements = new Map<string, number>()
countStatements()
try {
  const store = await durable(folder)
  const blobs = new Blobs(size, before + watched)
  const upload = (number: number) => store.upload({ did: accountOf(number), size, body: blobs.body(number) })
  for (let number = 0; number < before; number++) await upload(number)
  statements.clear()
  const bytesBefore = bytesOfTables('before.sqlite')
  mark(begin)
  for (let number = before; number < before + watched; number++) await upload(number)
  mark(end)
  const bytes = (bytesOfTables('after.sqlite') - bytesBefore) / watched
  await store.close()
  const found = { uploads: watched, statements: [...statements], bytes }
  process.stdout.write(`${JSON.stringify(found)}\n`)
} finally {
  rmSync(folder, { recursive: true })
}

/** A system call that strace shows, and that does nothing. */
function mark(name: string): void {
  try {
    accessSync(name)
  } catch {}
}

/** The size of the tables and indexes, without the space that they have free. */
function bytesOfTables(copy: string): number {
  const database = new Database(join(folder, 'blobs.sqlite'), { readonly: true })
  database.exec(`vacuum into '${join(folder, copy)}'`)
  database.close()
  return statSync(join(folder, copy)).size
}

function countStatements(): void {
  const prepare = Database.prototype.prepare
  Database.prototype.prepare = function (this: InstanceType<typeof Database>, sql: string) {
    const statement = prepare.call(this, sql)
    for (const how of ['run', 'all', 'get'] as const) {
      const execute = statement[how].bind(statement) as (...given: unknown[]) => never
      statement[how] = (...given: unknown[]) => {
        statements.set(sql, (statements.get(sql) ?? 0) + 1)
        return execute(...given)
      }
    }
    return statement
  } as typeof prepare
}
