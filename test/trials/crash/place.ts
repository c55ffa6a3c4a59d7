import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BlobBackend,
  type BlobStore,
  createBlobStore,
  DiskBackend,
  type MetadataAdapter,
} from '../../../src/index.ts'
import type { BlobStoreTimes } from '../../../src/store/limits.ts'
import { PostgresSchema } from '../../support/postgres.ts'
import { type DatabaseKind, inFile, inPostgres, type TrialDatabase } from './database.ts'

/**
 * So short that collecting races with uploads, references and reads. Only the lease is long compared with an upload: if
 * it ended during a slow `put`, the protocol would leave bytes to the sweep, which the checker would take for a broken
 * rule.
 */
export const hasty: BlobStoreTimes = {
  ...{ grace: 30, deleteDelay: 20, fresh: 200 },
  ...{ upload: 1000, idle: 1000, inspect: 100, lease: 4000 },
}

/** What another process needs to find a place. */
export interface Address {
  folder: string
  kind: DatabaseKind
  /** Its name, if the database is one of PostgreSQL. */
  schema: string
}

/** Where one store and the journals of its processes are. */
export class Place {
  readonly address: Address
  readonly folder: string
  readonly database: TrialDatabase

  private constructor(folder: string, kind: DatabaseKind, schema: PostgresSchema) {
    this.address = { folder, kind, schema: schema.name }
    this.folder = folder
    this.database = kind === 'postgres' ? inPostgres(schema) : inFile(this.databaseFile, kind)
  }

  /** Its folder is removed with the process, unless that is killed. */
  static temporary(prefix = 'pds-blobstore-crash-', kind: DatabaseKind = 'sqlite'): Place {
    const place = new Place(mkdtempSync(join(tmpdir(), prefix)), kind, new PostgresSchema())
    process.once('exit', () => place.remove())
    return place
  }

  /** One that another process has made. */
  static at({ folder, kind, schema }: Address): Place {
    return new Place(folder, kind, new PostgresSchema(schema))
  }

  get root(): string {
    return join(this.folder, 'store', 'blobs')
  }

  /** Of a database in a file. */
  get databaseFile(): string {
    return join(this.folder, 'store', 'blobs.sqlite')
  }

  /** With compiled code, processes start in half the time. */
  get compileCache(): string {
    return join(this.folder, 'compiled')
  }

  journal(name: string): string {
    return join(this.folder, 'store', `${name}.jsonl`)
  }

  /** Nothing is there yet: neither tables nor directories. */
  async clear(): Promise<void> {
    rmSync(join(this.folder, 'store'), { recursive: true, force: true })
    mkdirSync(join(this.folder, 'store'))
    await this.database.clear()
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  backend(): BlobBackend {
    return new DiskBackend({ root: this.root })
  }

  metadata(now?: () => number): MetadataAdapter {
    return this.database.metadata(now)
  }

  store(times: BlobStoreTimes, backend = this.backend(), metadata = this.metadata()): BlobStore {
    return createBlobStore({
      janitor: false,
      backend,
      metadata,
      times,
      limits: { accept: ['*/*'], mimePolicy: 'declared' },
    })
  }
}
