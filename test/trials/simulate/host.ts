import type { Kysely } from 'kysely'
import type { BlobStore } from '../../../src/index.ts'
import { alice, bob } from '../../support/samples.ts'
import type { Promises } from './promises.ts'
import type { Process } from './scheduler.ts'
import type { World } from './world.ts'

/** A process of the host, as its workers see it. */
export interface Host {
  world: World
  promises: Promises
  blobs: BlobStore
  db: Kysely<never>
  process: Process
  /** Waits for its turn: others go on meanwhile. */
  pause(): Promise<void>
  /** How many bits came back wrong so far. */
  corruptions(): number
}

export type Operation = (host: Host) => Promise<void>

export const dids: readonly string[] = [alice, bob, 'did:plc:carol']
