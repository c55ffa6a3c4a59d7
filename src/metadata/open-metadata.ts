import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../errors.ts'
import { type Logger, silent } from '../logger.ts'
import type { ReferenceSteps } from './contract/references.ts'
import type { UploadSteps } from './contract/uploads.ts'
import { type Dialect, detectDialect } from './dialect.ts'
import type { Metadata, OpenMetadataOptions } from './metadata.ts'
import { checkPostgresSettings } from './postgres/settings.ts'
import { accountSteps } from './queries/account-steps.ts'
import { blobQueries } from './queries/blob-queries.ts'
import { bringBackSteps } from './queries/bring-back-steps.ts'
import { collectSteps } from './queries/collect-steps.ts'
import { dropSpaceStep } from './queries/drop-space-step.ts'
import { holderQueries } from './queries/holder-queries.ts'
import { identityRows } from './queries/identity-rows.ts'
import { listQueries } from './queries/list-queries.ts'
import { processSteps } from './queries/process-steps.ts'
import { purgeSteps } from './queries/purge-steps.ts'
import { recoverSteps } from './queries/recover-steps.ts'
import { referenceSteps } from './queries/reference-steps.ts'
import { resumableSteps } from './queries/resumable-steps.ts'
import { scrubSteps } from './queries/scrub-steps.ts'
import { sweepSteps } from './queries/sweep-steps.ts'
import { takedownList } from './queries/takedown-list.ts'
import { takedownSteps } from './queries/takedown-steps.ts'
import { uploadSteps } from './queries/upload-steps.ts'
import { migrate, migrationsPending } from './schema/migrations.ts'
import type { Tables } from './schema/tables.ts'
import { Session } from './session.ts'
import type { Connection, Source } from './source.ts'
import { isForbidden } from './sql-errors.ts'
import { placeOf, sqliteFile } from './sqlite/database-place.ts'
import { FileGuard } from './sqlite/file-guard.ts'
import { checkSettings } from './sqlite/settings.ts'
import { withConnectionTimeout } from './with-connection-timeout.ts'

/** Connects, checks the settings, and creates or checks the tables. */
export async function openMetadata(source: Source, { logger }: OpenMetadataOptions = {}): Promise<Metadata> {
  const { close, backup, ...connection } = await source.connect()
  try {
    const session = await openSession(connection, source)
    const steps = { ...uploadSteps(session), ...referenceSteps(session) }
    const stored = await storedStepsOf(session, source, steps, logger)
    return {
      async close() {
        session.end()
        await close()
      },
      ...(backup && {
        backup(path, options) {
          session.assertSameFile()
          return backup(path, options)
        },
      }),
      mirror: async () => (await import('./queries/mirror-steps.ts')).mirrorSteps(session),
      ...identityRows(session),
      ...steps,
      ...stored,
      ...resumableSteps(session),
      ...dropSpaceStep(session),
      ...blobQueries(session),
      ...listQueries(session),
      ...takedownSteps(session),
      ...takedownList(session),
      ...holderQueries(session),
      ...purgeSteps(session),
      ...accountSteps(session),
      ...collectSteps(session),
      ...bringBackSteps(session),
      ...sweepSteps(session),
      ...scrubSteps(session),
      ...recoverSteps(session),
      ...processSteps(session),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openSession({ db, ...own }: Omit<Connection, 'close' | 'backup'>, source: Source): Promise<Session> {
  const found = await withConnectionTimeout<Found>((start) =>
    db.connection().execute((one) => {
      start()
      return look(one, source)
    }),
  )
  const session = new Session(db, { ...found, ...own, ownFile: source.ownFile, now: source.now })
  try {
    await bringTables(session, source.migrate ?? 'auto')
    return session
  } catch (error) {
    session.end()
    throw error
  }
}

/** What the database's own functions do; nothing on SQLite. */
async function storedStepsOf(
  session: Session,
  { functions = true, migrate = 'auto' }: Source,
  steps: UploadSteps & Pick<ReferenceSteps, 'applyReferences'>,
  logger: Logger = silent,
): Promise<Partial<typeof steps>> {
  if (session.dialect.name !== 'postgres' || !functions) return {}
  const [{ installFunctions }, { storedSteps }] = await Promise.all([
    import('./postgres/functions/install.ts'),
    import('./postgres/functions/stored-steps.ts'),
  ])
  const schema = await installFunctions(session, migrate === 'auto')
  if (schema !== null) return storedSteps(session, schema, steps)
  logger.warn({}, withoutFunctions)
  return {}
}

const withoutFunctions =
  'PostgreSQL does not have the functions of this version, and this role may not create them: an upload and its record ' +
  'take sixteen round trips instead of three. Let the owner of the tables run migrationSql(), or set `functions: false`'

interface Found {
  dialect: Dialect
  place: string | null
  durable: boolean
  guard: FileGuard | null
}

async function look(db: Kysely<Tables>, { durability = 'full' }: Source): Promise<Found> {
  const dialect = await detectDialect(db)
  await (dialect.name === 'sqlite' ? checkSettings : checkPostgresSettings)(db, durability)
  const place = await placeOf(db, dialect)
  // Last, because it opens files, which would have to be closed if a later step failed.
  const guard = dialect.name === 'sqlite' ? await guardOf(db) : null
  return { dialect, guard, place, durable: durability === 'full' }
}

/** None for a database in memory, or without a write-ahead log: then SQLite has no lock between two transactions. */
async function guardOf(db: Kysely<Tables>): Promise<FileGuard | null> {
  const { rows: modes } = await sql<{ journal_mode: string }>`PRAGMA journal_mode`.execute(db)
  if (modes[0]?.journal_mode !== 'wal') return null
  // SQLite opens the log, and takes its locks, at the first read.
  await sql`select 1 from sqlite_schema limit 1`.execute(db)
  const file = await sqliteFile(db)
  return file !== undefined ? FileGuard.of(file) : null
}

async function bringTables(session: Session, mode: 'auto' | 'check'): Promise<void> {
  if (!(await session.read((db) => migrationsPending(db, session.dialect)))) return
  if (mode === 'check') {
    throw new BlobStoreError(
      'MetadataOutdated',
      "The blob store's tables are missing from this database, or of an older version of pds-blobstore; nothing was changed. " +
        "If it is the right database, start the host once with { migrate: 'auto' }, with a role that may create tables, or let " +
        `such a role run the SQL that migrationSql('${session.dialect.name}') returns (with \`after\`, if there are tables)`,
    )
  }
  try {
    await session.changeSchema((db) => migrate(db, session.dialect))
  } catch (error) {
    throw isForbidden(error) ? mayNotMigrate(error) : error
  }
}

function mayNotMigrate(error: BlobStoreError): BlobStoreError {
  return new BlobStoreError(
    'MetadataOutdated',
    `The blob store's tables are missing from this database, or of an older version of pds-blobstore, and this role may not create ` +
      `them (${error.message}). Let a role with that right run the SQL that migrationSql('postgres') returns (with \`after\`, if there are tables), in this schema, and grant ` +
      'this one SELECT, INSERT, UPDATE and DELETE on the tables',
    { cause: error },
  )
}
