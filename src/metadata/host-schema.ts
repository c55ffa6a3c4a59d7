import { invalidArgument } from '../options.ts'
import type { HostDatabase } from './host-database.ts'

/**
 * Refuses a Kysely that `withSchema` limits to a schema. The store takes no plugins of the host, and that is one: its
 * tables would be created and looked for outside the schema. It cannot follow it either, because what it sends is in
 * part SQL of its own, which no plugin changes.
 *
 * @throws `InvalidArgument`
 */
export function assertNoSchema(what: string, db: HostDatabase): void {
  const schema = schemaOf(db)
  if (schema === undefined) return
  throw invalidArgument(
    what,
    `this Kysely is limited to the schema "${schema}" by withSchema(), which the store ignores. Pass the Kysely ` +
      `without it; on PostgreSQL, ALTER ROLE CURRENT_USER SET search_path = "${schema}" instead, then reconnect`,
  )
}

/** The schema that the database's plugins give to a table that has none. */
function schemaOf(db: HostDatabase): string | undefined {
  const { query } = (db as Partial<Compiling>).selectFrom?.('blobstore_blob').selectAll().compile() ?? {}
  return query?.from?.froms?.[0]?.table?.schema?.name
}

/** The part of Kysely that is asked. */
interface Compiling {
  selectFrom(table: string): { selectAll(): { compile(): { query: Partial<SelectNode> } } }
}

interface SelectNode {
  from: { froms: readonly { table?: { schema?: { name: string } } }[] }
}
