import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { isBlobStoreError } from '../../../src/index.ts'
import { closingEntries } from '../../support/entries.ts'
import type { Finding } from './check.ts'
import { leftovers, look } from './look.ts'
import type { Place } from './place.ts'

const hour = 3_600_000

/** How often a transient error is retried: new processes start meanwhile, and write when they open the store. */
const attempts = 3

/**
 * Collects and sweeps, while no process runs, with a clock that is ahead of every grace period, lease and delay.
 * Afterwards there is what records reference, and nothing else.
 */
export async function settle(place: Place): Promise<Finding[]> {
  const findings: Finding[] = []
  let ahead = 0
  const blobs = place.store(
    {},
    place.backend(),
    place.metadata(() => Date.now() + ahead),
  )
  try {
    await blobs.ready()
    await place.database.ask([closingEntries])
    // Spools are old by the file system's clock, which cannot be moved.
    const spools = join(place.root, 'spool')
    for (const name of readdirSync(spools)) utimesSync(join(spools, name), 0, 0)
    for (let round = 0; round < 3; round++) {
      ahead += 48 * hour
      await patiently(() => blobs.collect({ force: true }))
      await patiently(() => blobs.sweep({ force: true }))
    }
    const { files, live } = await look(place)
    for (const file of files) {
      if (!live.has(file)) findings.push({ kind: 'orphan', what: `${file} is left after sweeping` })
    }
    for (const key of live) if (!files.has(key)) findings.push({ kind: 'lost', what: `no bytes of ${key}` })
    for (const name of readdirSync(spools)) findings.push({ kind: 'orphan', what: `the spool ${name} is left` })
    for (const what of await leftovers(place)) findings.push({ kind: 'wrong', what })
  } catch (error) {
    findings.push({ kind: 'wrong', what: `the store cannot be swept: ${error}` })
  } finally {
    await blobs.close()
  }
  return findings
}

async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work()
      return
    } catch (error) {
      if (!isBlobStoreError(error) || !error.transient || attempt === attempts) throw error
    }
  }
}
