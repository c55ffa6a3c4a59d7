import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Option } from 'commander'
import type { BlobBackend } from '../backend/backend.ts'
import { DiskBackend } from '../backend/disk/disk-backend.ts'
import { MemoryBackend } from '../backend/memory.ts'
import type { BlobStore } from '../blob-store.ts'
import { createBlobStore } from '../create-blob-store.ts'
import type { Logger } from '../logger.ts'
import type { JanitorOptions } from '../maintenance/janitor.ts'
import { metadataFrom } from '../metadata/kysely-metadata.ts'
import type { MetadataAdapter } from '../metadata/metadata.ts'
import type { Tables } from '../metadata/schema/tables.ts'
import { loadSqlite } from '../metadata/sqlite/load-sqlite.ts'
import { sqliteMetadata } from '../metadata/sqlite/sqlite-metadata.ts'
import { UsageError } from './command.ts'
import { withPackage } from './optional-package.ts'
import { assertThere, bucketOf } from './paths.ts'
import { loadPostgres } from './postgres-pool.ts'
import { assertStoreFolder, hasLayout } from './store-folder.ts'

/** Where the store is: given with every command, or in the environment. */
export const placeOptions: readonly Option[] = [
  option('--config <module>', 'a module whose default export is the store, or a function that creates it', 'CONFIG'),
  option('--disk <folder>', 'bytes in this folder', 'DISK'),
  option('--s3 <url>', 'bytes in this bucket: s3://bucket/prefix; credentials as the AWS tools take them', 'S3'),
  option('--s3-endpoint <url>', 'address of the service, if it is not AWS', 'S3_ENDPOINT'),
  option('--s3-region <region>', 'region of the bucket', 'S3_REGION'),
  option('--s3-path-style', 'the bucket is in the path, not in the host name', 'S3_PATH_STYLE'),
  option('--write <backend>', 'the one that new bytes go to, if there are two: disk or s3', 'WRITE'),
  option('--mirror <place>', 'a second copy of all bytes, in this folder or bucket (s3://bucket/prefix)', 'MIRROR'),
  option('--sqlite <file>', 'metadata in this SQLite database', 'SQLITE'),
  option('--postgres <url>', 'metadata in this PostgreSQL database', 'POSTGRES'),
]

function option(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(`BLOBSTORE_${variable}`)
}

/** The variable of each option. */
const placeVariables: Readonly<Record<string, string>> = Object.fromEntries(
  placeOptions.map((option) => [option.attributeName(), option.envVar as string]),
)

export interface Place {
  config?: string
  disk?: string
  s3?: string
  s3Endpoint?: string
  s3Region?: string
  s3PathStyle?: boolean
  write?: string
  mirror?: string
  sqlite?: string
  postgres?: string
  /** Only for the command that copies to the mirror: in days. */
  mirrorDelay?: number
  /** Only for commands that fill a store. */
  create?: boolean
  dryRun?: boolean
}

export interface StoreAtOptions {
  /** For a command that may create the store; a dry run of it creates none. */
  fills?: boolean
  /** Commands have none: a command does only what it says. */
  janitor?: JanitorOptions | false
}

/** @throws `UsageError` */
export async function storeAt(
  given: Place,
  logger: Logger,
  { fills = false, janitor = false }: StoreAtOptions,
): Promise<BlobStore> {
  if (given.config !== undefined) {
    assertAlone(given)
    if (given.mirrorDelay !== undefined) {
      throw new UsageError(
        '--mirror-delay is for a store that is given with --mirror: with --config, that module says it',
      )
    }
    return storeOf(given.config)
  }
  const place = given.dryRun ? { ...given, create: false } : given
  if (fills && given.dryRun && isWhole(given) && !(await isAnythingThere(given))) return trialStore()
  const all = Object.fromEntries((await backendsAt(place)).map((backend) => [backend.name, backend]))
  const [first, ...others] = Object.keys(all)
  if (first === undefined)
    throw new UsageError(
      'Where are the bytes? Give --disk <folder>, --s3 s3://<bucket>, or --config <module>;\n' +
        'or set BLOBSTORE_DISK, BLOBSTORE_S3 or BLOBSTORE_CONFIG',
    )
  const write = place.write ?? (others.length === 0 ? first : undefined)
  if (write === undefined) throw new UsageError('Which of the two is written to? Give --write disk or --write s3')
  const mirror = place.mirror === undefined ? undefined : await mirrorAt(place.mirror, place)
  return createBlobStore({ backend: { write, all }, metadata: await metadataAt(place), mirror, janitor, logger })
}

/** With two stores given, it is unknown which is meant. @throws `UsageError` */
function assertAlone(place: Place): void {
  const others = (['disk', 's3', 'mirror', 'sqlite', 'postgres'] as const).filter((name) => place[name] !== undefined)
  if (others.length === 0) return
  const variables = others.map((name) => placeVariables[name]).join(', ')
  throw new UsageError(
    `${placeVariables.config} and ${variables} are both set, so it is unknown which store is meant: unset one, or give the ` +
      'store on the command line',
  )
}

/** Whether both bytes and metadata are given. */
function isWhole({ disk, s3, sqlite, postgres }: Place): boolean {
  return (disk !== undefined || s3 !== undefined) && (sqlite === undefined) !== (postgres === undefined)
}

const noStore = 'The host creates its store when it starts, or import --create does'
const noFolder = `${noStore}. If its disk was lost, make an empty folder for heal`

async function backendsAt(place: Place): Promise<BlobBackend[]> {
  const { disk, s3, create } = place
  const backends: BlobBackend[] = []
  if (disk !== undefined) {
    if (!create) assertThere('--disk', disk, 'folder', noFolder)
    assertStoreFolder(disk)
    backends.push(new DiskBackend({ root: disk }))
  }
  if (s3 !== undefined) backends.push(await bucketAt('--s3', s3, place))
  return backends
}

async function mirrorAt(mirror: string, place: Place) {
  const backend = await mirrorBackend(mirror, place)
  return { backend, ...(place.mirrorDelay !== undefined && { delay: place.mirrorDelay * 86_400_000 }) }
}

async function mirrorBackend(mirror: string, place: Place): Promise<BlobBackend> {
  if (mirror.startsWith('s3://')) return bucketAt('--mirror', mirror, place, 'mirror')
  assertThere('--mirror', mirror, 'folder', 'For a new mirror, make an empty folder')
  assertStoreFolder(mirror, '--mirror')
  return new DiskBackend({ root: mirror, name: 'mirror' })
}

/** All buckets of one command are in the same service. */
export async function bucketAt(
  flag: string,
  url: string,
  { s3Endpoint, s3Region, s3PathStyle }: Place,
  name?: string,
): Promise<BlobBackend> {
  const { bucket, prefix } = bucketOf(flag, url)
  const { S3Backend } = await withPackage(flag, '@aws-sdk/client-s3', () => import('../backend/s3/s3-backend.ts'))
  const service = { endpoint: s3Endpoint, region: s3Region, forcePathStyle: s3PathStyle }
  return new S3Backend({ bucket, prefix, ...service, ...(name !== undefined && { name }) })
}

/**
 * Creates tables only where that is asked for, and never changes them: the running host must not meet tables of a newer
 * version.
 */
async function metadataAt({ sqlite, postgres, create }: Place): Promise<MetadataAdapter> {
  const migrate = create ? 'auto' : 'check'
  if (sqlite !== undefined && postgres !== undefined) throw new UsageError('Give --sqlite or --postgres, not both')
  if (sqlite !== undefined) {
    if (!create) assertThere('--sqlite', sqlite, 'file', noStore)
    return sqliteMetadata(sqlite, { migrate })
  }
  if (postgres === undefined) {
    throw new UsageError(
      'Where is the metadata? Give --sqlite <file>, --postgres <url>, or --config <module>;\n' +
        'or set BLOBSTORE_SQLITE, BLOBSTORE_POSTGRES or BLOBSTORE_CONFIG',
    )
  }
  const { Kysely, PostgresDialect } = await import('kysely')
  const poolOf = await loadPostgres()
  return metadataFrom({
    migrate,
    ownFile: false,
    async connect() {
      const pool = poolOf(postgres)
      const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
      return { db, close: () => db.destroy() }
    },
  })
}

/** The store of the host's module. @throws `UsageError`, and what its function throws */
async function storeOf(module: string): Promise<BlobStore> {
  assertThere('--config', module, 'file', 'Give the path of a module, relative to the current folder')
  const given = await defaultExportOf(module)
  const made = typeof given === 'function' ? await given() : given
  if (typeof made?.upload === 'function') return made
  const which = given === undefined ? 'it has no default export' : 'its default export is not a store, and returns none'
  throw new UsageError(
    `--config ${module}: ${which}. It must be what createBlobStore returns, or a function that returns it:\n` +
      '  export default () => createBlobStore({ backend, metadata })',
  )
}

async function defaultExportOf(module: string) {
  try {
    const loaded = await import(pathToFileURL(resolve(module)).href)
    return loaded.default
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(`--config ${module}: it cannot be loaded: ${why}\nTo see where: node ${module}`)
  }
}

/** An empty store in memory, for dry runs of commands that would create the store. */
function trialStore(): BlobStore {
  const logger: Logger = { info() {}, warn() {}, error() {} } // its warnings are of no store that lasts
  return createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:'), janitor: false, logger })
}

/** Whether a store is there, or a part of one, so that the command must find the rest. Changes nothing. */
async function isAnythingThere({ disk, sqlite, postgres }: Place): Promise<boolean> {
  if (disk !== undefined && hasLayout(disk)) return true
  if (sqlite !== undefined) return hasSqliteTables(sqlite)
  return postgres !== undefined && hasPostgresTables(postgres)
}

async function hasSqliteTables(file: string): Promise<boolean> {
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found || found.size === 0) return false
  const Database = await loadSqlite('--sqlite')
  const database = new Database(file, { readonly: true })
  try {
    const sql = String.raw`SELECT 1 FROM sqlite_schema WHERE name LIKE 'blobstore\_%' ESCAPE '\'`
    return database.prepare(sql).get() !== undefined
  } finally {
    database.close()
  }
}

async function hasPostgresTables(connectionString: string): Promise<boolean> {
  const pool = (await loadPostgres())(connectionString)
  try {
    const { rows } = await pool.query(`SELECT to_regclass('blobstore_blob') AS found`)
    return rows[0]?.found !== null
  } finally {
    await pool.end()
  }
}
