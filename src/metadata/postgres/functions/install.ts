import { sql } from 'kysely'
import type { Session } from '../../session.ts'
import { isConnectionLost } from '../../sql-errors.ts'
import { onlyRow } from '../../step.ts'
import { commitFunction } from './commit.ts'
import { intendFunction } from './intend.ts'
import { referenceFunction } from './reference.ts'
import { quoted, type StoredFunction } from './stored-function.ts'

/** All of them. */
export const functions: readonly Omit<StoredFunction<never>, 'call'>[] = [
  intendFunction,
  commitFunction,
  referenceFunction,
]

/**
 * Finds the functions of this version of the package, and creates them if they are missing and `create` is set. Those
 * of other versions stay, because processes may use them. Resolves with their schema; with null if there are none and
 * this role may not create them, or the database forbids it: then each step is a transaction of single statements.
 */
export async function installFunctions(session: Session, create: boolean): Promise<string | null> {
  const look = () => session.read((db) => onlyRow(find.compile(db)))
  const { schema, found, allowed } = await look()
  if (isAll(found)) return schema
  if (!create || !allowed) return null
  try {
    await session.changeSchema(async (trx) => {
      await sql.raw(lock).execute(trx)
      if (isAll((await find.execute(trx)).rows[0]?.found)) return // another process did it
      for (const text of definitions(`${quoted(schema)}.`)) await sql.raw(text).execute(trx)
    })
    return schema
  } catch (error) {
    // A trigger that forbids it, a statement's timeout: the store works without them.
    if (isConnectionLost(error instanceof Error ? error.cause : error)) throw error
    return null
  }
}

const isAll = (found: unknown): boolean => Number(found) === functions.length

/** The statements that create the functions, in the connection's schema or in that of the prefix. */
export function definitions(prefix = ''): string[] {
  return functions.map(
    ({ name, signature, source }) =>
      `create or replace function ${prefix}${name}${signature} returns boolean language plpgsql as $blobstore$${source}$blobstore$`,
  )
}

/** Two that create one function at once would fail. The number is arbitrary, and nothing else uses it. */
export const lock = 'select pg_advisory_xact_lock(8243107715290612)'

/**
 * How many there are: in the tables' own schema, of the tables' owner or this role, the same to the letter, and running
 * with the rights of who calls. And whether this role may create them.
 */
const find = sql<{ schema: string; found: unknown; allowed: boolean }>`
  select namespace.nspname as schema,
    (select count(*) from pg_proc as stored join pg_language as language on language.oid = stored.prolang
      where stored.pronamespace = namespace.oid and language.lanname = 'plpgsql' and not stored.prosecdef
        and stored.proconfig is null and stored.prorettype = 'boolean'::regtype
        and stored.proowner in (class.relowner, (select oid from pg_roles where rolname = current_user))
        and has_function_privilege(stored.oid, 'execute')
        and (stored.proname::text, oidvectortypes(stored.proargtypes), stored.prosrc) in
          (${sql.join(functions.map(({ name, types, source }) => sql`(${name}, ${types}, ${source})`))})) as found,
    has_schema_privilege(namespace.oid, 'create') and exists (select 1 from pg_language
      where lanname = 'plpgsql' and has_language_privilege(oid, 'usage')) as allowed
  from pg_class as class join pg_namespace as namespace on namespace.oid = class.relnamespace
  where class.relname = 'blobstore_content' and pg_table_is_visible(class.oid)`
