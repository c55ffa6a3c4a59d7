/** A database and its bytes recognize each other by an id and an epoch, which the backend's marker repeats. */
export interface StoreIdentity {
  /** The store's id and epoch. The first call creates them. */
  identity(): Promise<Identity>
  /**
   * Begins the epoch after this one, unless another process has done so, or the database was restored. Resolves with the
   * epoch from then on.
   */
  nextEpoch(epoch: number): Promise<number>
  /** Records that the database is older than its bytes. From then on collecting and sweeping refuse. */
  markRestored(): Promise<void>
  /** Whether the database names any bytes in the backend: then an empty backend is the wrong one. */
  hasContent(backend: string): Promise<boolean>
  /**
   * Since when, by the database's clock, each call for this backend has passed the same `found`: since now, if the last
   * call passed something else.
   */
  sameSince(backend: string, found: string): Promise<number>
  /**
   * Records that a copy of the database is complete. Resolves with the age of the previous one in milliseconds; null
   * for the first.
   */
  noteBackup(): Promise<number | null>
  /** What is known of the whole database, in one small query; also shows that it can be reached. */
  condition(): Promise<Condition>
}

export interface Condition {
  restored: boolean
  /** When a copy of the database was last complete; null for never. In milliseconds since 1970. */
  backedUpAt: number | null
}

export interface Identity {
  id: string
  epoch: number
  restored: boolean
  /** Distinguishes this database from its copies, which are the same in everything else; null if nothing does. */
  place: string | null
  /** Whether its commits survive a power cut. */
  durable: boolean
  /** By the database's clock, in milliseconds since 1970. */
  now: number
}
