import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { type BlobStore, cidOfBytes } from '../../../src/index.ts'
import { isOfEntry } from '../../support/entries.ts'
import { factsOf } from './facts.ts'
import type { Ledger } from './ledger.ts'
import { openStore, type Place } from './store.ts'

/** `lost`: a broken promise. `orphan`: bytes that nothing names. `wrong`: anything else that should not be. */
export interface Finding {
  kind: 'lost' | 'orphan' | 'wrong'
  what: string
}

const day = 86_400_000
const rounds = 3

/** By how much a check moves the clock: all earlier grace periods and leases are over then. */
export const checkTakes = (rounds + 1) * 2 * day

/**
 * After the cut, and with every process dead: what was acknowledged is there; and after collecting and sweeping, with a
 * clock that is ahead, what records reference, and nothing else.
 */
export async function check(place: Place, ledger: Ledger, ahead: number): Promise<Finding[]> {
  const findings: Finding[] = []
  try {
    await checkPromises(place, ledger, ahead, findings)
  } catch (error) {
    findings.push({ kind: 'lost', what: `the store cannot be read: ${error}` })
  }
  try {
    await settle(place, ahead, findings)
  } catch (error) {
    findings.push({ kind: 'wrong', what: `the store cannot be swept: ${error}` })
  }
  ledger.held.clear()
  return findings
}

async function checkPromises(place: Place, ledger: Ledger, ahead: number, findings: Finding[]): Promise<void> {
  const blobs = openStore(place, { durability: 'full', grace: day, ahead })
  try {
    await blobs.ready()
    for (const { did, cid } of ledger.held.values()) await checkBytes(blobs, did, cid, 'account', findings)
    const { refs } = factsOf(place)
    for (const [uri, { did, could }] of ledger.records) {
      const named = refs.get(uri) ?? []
      const cid = named[0] ?? null
      if (named.length > 1 || !could.includes(cid)) {
        const expected = could.map((one) => one ?? 'nothing').join(' or ')
        findings.push({
          kind: 'lost',
          what: `${uri} references ${named.join(', ') || 'nothing'} instead of ${expected}`,
        })
      }
      if (cid !== null) await checkBytes(blobs, did, cid, 'public', findings)
      ledger.found(uri, cid)
    }
  } finally {
    await blobs.close()
  }
}

async function checkBytes(
  blobs: BlobStore,
  did: string,
  cid: string,
  as: 'account' | 'public',
  findings: Finding[],
): Promise<void> {
  try {
    const reading = await blobs.read(did, cid, { as })
    if (cidOfBytes(await reading.bytes()) === cid) return
    findings.push({ kind: 'lost', what: `${cid} of ${did} has other bytes` })
  } catch (error) {
    findings.push({ kind: 'lost', what: `${cid} of ${did}: ${error}` })
  }
}

async function settle(place: Place, ahead: number, findings: Finding[]): Promise<void> {
  // Spools are old by the file system's clock, which cannot be moved.
  const spools = join(place.root, 'spool')
  for (const name of readdirSync(spools)) utimesSync(join(spools, name), 0, 0)
  for (let round = 1; round <= rounds; round++) {
    const blobs = openStore(place, { durability: 'full', grace: day, ahead: ahead + round * 2 * day })
    try {
      await blobs.collect({ force: true })
      // A power cut may leave orphans, but this trial keeps what was synced, and a row is synced before its bytes.
      const { files, keys } = factsOf(place)
      for (const file of files) {
        if (!keys.has(file) && !isOfEntry(file)) findings.push({ kind: 'orphan', what: `no row names ${file}` })
      }
      await blobs.sweep({ force: true })
    } finally {
      await blobs.close()
    }
  }
  const { files, live, spools: left, leftovers } = factsOf(place)
  const stored = new Set(files)
  for (const file of files) if (!live.has(file)) findings.push({ kind: 'orphan', what: `${file} is left` })
  for (const key of live) if (!stored.has(key)) findings.push({ kind: 'lost', what: `no file of ${key}` })
  for (const name of left) findings.push({ kind: 'orphan', what: `the spool ${name} is left` })
  for (const what of leftovers) findings.push({ kind: 'wrong', what })
}
