/** A database and its bytes know each other by an id and an epoch, which the backend's marker repeats. */
export interface StoreIdentity {
  /** The store's id and epoch. The first call ever makes them. */
  identity(): Promise<Identity>
  /** Begins the next epoch, and resolves with it. */
  nextEpoch(): Promise<number>
  /** Remembers that the database is older than its bytes. From then on collecting and sweeping refuse. */
  markRestored(): Promise<void>
  /** Whether the database names any bytes in the backend: then an empty backend is the wrong one. */
  hasContent(backend: string): Promise<boolean>
  /**
   * Since when, by the database's clock, the same was found in a backend, each time that it was asked about: since now, where
   * it was asked about something else before.
   */
  sameSince(backend: string, found: string): Promise<number>
  /** A copy of the database is complete. Resolves with how long ago the one before was, in milliseconds; null for the first. */
  noteBackup(): Promise<number | null>
}

export interface Identity {
  id: string
  epoch: number
  restored: boolean
  /** Tells this database from its copies, which share all else; null where nothing does. */
  place: string | null
  /** By the database's clock, in milliseconds since 1970. */
  now: number
}
