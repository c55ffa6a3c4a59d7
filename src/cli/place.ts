import { Option } from 'commander'
import type { BlobBackend } from '../backend/backend.ts'
import { DiskBackend } from '../backend/disk/disk-backend.ts'
import type { BlobStore } from '../blob-store.ts'
import { createBlobStore } from '../create-blob-store.ts'
import type { Logger } from '../logger.ts'
import { metadataFrom } from '../metadata/kysely-metadata.ts'
import type { MetadataAdapter } from '../metadata/metadata.ts'
import { sqliteMetadata } from '../metadata/sqlite-metadata.ts'
import type { Tables } from '../metadata/tables.ts'
import { UsageError } from './command.ts'
import { storeOf } from './config.ts'
import { assertThere, bucketOf } from './paths.ts'
import { isAnythingThere, trialStore } from './trial.ts'

/** Where the store is: given with every command, or by the environment. */
export const placeOptions: readonly Option[] = [
  option('--config <module>', 'a module whose default export is the store, or a function that makes it', 'CONFIG'),
  option('--disk <folder>', 'bytes in this folder', 'DISK'),
  option('--s3 <url>', 'bytes in this bucket: s3://bucket/prefix; credentials as the AWS tools take them', 'S3'),
  option('--s3-endpoint <url>', 'of a service that is not AWS', 'S3_ENDPOINT'),
  option('--s3-region <region>', 'of the bucket', 'S3_REGION'),
  option('--s3-path-style', 'the bucket in the path, not in the host name', 'S3_PATH_STYLE'),
  option('--write <backend>', 'the one new bytes go to, when there are several: disk or s3', 'WRITE'),
  option('--sqlite <file>', 'facts in this SQLite database', 'SQLITE'),
  option('--postgres <url>', 'facts in this PostgreSQL database', 'POSTGRES'),
]

function option(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(`BLOBSTORE_${variable}`)
}

/** The variable of each option. */
export const placeVariables: Readonly<Record<string, string>> = Object.fromEntries(
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
  sqlite?: string
  postgres?: string
  /** Only of commands that fill a store. */
  create?: boolean
  dryRun?: boolean
}

/** `fills`: for a command that may make the store; a dry run of it makes none. @throws `UsageError` */
export async function storeAt(
  given: Place,
  logger: Logger,
  { fills = false }: { fills?: boolean },
): Promise<BlobStore> {
  if (given.config !== undefined) {
    assertAlone(given)
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
  return createBlobStore({ backend: { write, all }, metadata: await metadataAt(place), logger })
}

/** Which of two stores is meant nobody can know. @throws `UsageError` */
function assertAlone(place: Place): void {
  const others = (['disk', 's3', 'sqlite', 'postgres'] as const).filter((name) => place[name] !== undefined)
  if (others.length === 0) return
  const variables = others.map((name) => placeVariables[name]).join(', ')
  throw new UsageError(
    `${placeVariables.config} and ${variables} are both set, and which of them is meant is not known: unset one, or say on ` +
      'the command line where the store is',
  )
}

/** Whether it says where bytes and facts would be. */
function isWhole({ disk, s3, sqlite, postgres }: Place): boolean {
  return (disk !== undefined || s3 !== undefined) && (sqlite === undefined) !== (postgres === undefined)
}

const noStore = 'A store is made by its host when it starts, or by import --create'

async function backendsAt({ disk, s3, s3Endpoint, s3Region, s3PathStyle, create }: Place): Promise<BlobBackend[]> {
  const backends: BlobBackend[] = []
  if (disk !== undefined) {
    if (!create) assertThere('--disk', disk, 'folder', noStore)
    backends.push(new DiskBackend({ root: disk }))
  }
  if (s3 !== undefined) {
    const { bucket, prefix } = bucketOf('--s3', s3)
    const { S3Backend } = await import('../s3.ts')
    backends.push(
      new S3Backend({ bucket, prefix, endpoint: s3Endpoint, region: s3Region, forcePathStyle: s3PathStyle }),
    )
  }
  return backends
}

/** Tables are made where that is asked for, and never changed from the command line else: what a newer version of it would do, the running host must not meet. */
async function metadataAt({ sqlite, postgres, create }: Place): Promise<MetadataAdapter> {
  const migrate = create ? 'auto' : 'check'
  if (sqlite !== undefined && postgres !== undefined) throw new UsageError('Give --sqlite or --postgres, not both')
  if (sqlite !== undefined) {
    if (!create) assertThere('--sqlite', sqlite, 'file', noStore)
    return sqliteMetadata(sqlite, { migrate })
  }
  if (postgres === undefined) {
    throw new UsageError(
      'Where are the facts? Give --sqlite <file>, --postgres <url>, or --config <module>;\n' +
        'or set BLOBSTORE_SQLITE, BLOBSTORE_POSTGRES or BLOBSTORE_CONFIG',
    )
  }
  const { Kysely, PostgresDialect } = await import('kysely')
  const { default: pg } = await import('pg').catch(() => {
    throw new UsageError('--postgres needs the package pg: npm install pg')
  })
  return metadataFrom({
    migrate,
    ownFile: false,
    async connect() {
      const pool = new pg.Pool({ connectionString: postgres, max: 8 })
      const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
      return { db, close: () => db.destroy() }
    },
  })
}
