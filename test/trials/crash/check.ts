import { type BlobStore, cidOfBytes } from '../../../src/index.ts'
import { isOfEntry } from '../../support/entries.ts'
import { type Held, type Ledger, type Named, named, pair } from './ledger.ts'
import { type Facts, look } from './look.ts'
import type { Place } from './place.ts'
import { checkShown, placeOf } from './shown.ts'

/** `lost`: a broken promise. `orphan`: bytes that no row knows. `wrong`: anything else that should not be. */
export interface Finding {
  kind: 'lost' | 'orphan' | 'wrong'
  what: string
}

/**
 * Checks, while no process runs, that what was acknowledged is there, and that a row names every file: only the
 * `strays`, which the trial has planted, and small uploads of processes that died may need the sweep.
 */
export async function check(
  place: Place,
  ledgers: readonly Ledger[],
  strays: ReadonlySet<string> = new Set(),
): Promise<Finding[]> {
  const findings: Finding[] = []
  const blobs = place.store({})
  try {
    await blobs.ready() // creates what a kill has prevented
    const facts = await look(place)
    const held = new Map(ledgers.flatMap((ledger) => [...ledger.held].filter(([, { until }]) => until > Date.now())))
    for (const file of facts.files) {
      if (!facts.keys.has(file) && !strays.has(file) && !isOfEntry(file))
        findings.push({ kind: 'orphan', what: `no row names ${file}` })
    }
    for (const blob of held.values()) checkHeld(facts, blob, findings)
    for (const ledger of ledgers) {
      for (const record of ledger.records.values()) {
        checkRecord(facts, record, held, findings)
        const readable = record.cids.filter((cid) => facts.refs.get(record.uri)?.includes(cid))
        for (const cid of readable) await checkReadable(blobs, record, cid, ledger, findings)
      }
      for (const [uri, { could }] of ledger.doubtful) checkDoubtful(facts, uri, could, findings)
      for (const [did, state] of ledger.accounts) {
        const rows = facts.rows.get(did) ?? 0
        if (state === 'deleted' && rows > 0) findings.push({ kind: 'wrong', what: `deleted ${did} has ${rows} rows` })
      }
      for (const key of ledger.swept) {
        if (!strays.has(key) && !isOfEntry(key)) findings.push({ kind: 'orphan', what: `a sweep had to find ${key}` })
      }
      for (const fault of ledger.faults) findings.push({ kind: 'wrong', what: fault })
    }
    await checkShown(blobs, ledgers, findings)
  } catch (error) {
    findings.push({ kind: 'lost', what: `the store cannot be read: ${error}` })
  } finally {
    await blobs.close()
  }
  return findings
}

function checkHeld(facts: Facts, { did, cid }: Held, findings: Finding[]): void {
  const key = facts.blobs.get(pair(did, cid))
  if (!key) findings.push({ kind: 'lost', what: `the upload of ${cid} by ${did}: no row` })
  else if (!facts.files.has(key)) findings.push({ kind: 'lost', what: `the upload of ${cid} by ${did}: no bytes` })
}

/** That it references exactly these; one that may wait for a blob does not if the account has it. */
function checkRecord(
  facts: Facts,
  { did, uri, cids, expected }: Named,
  held: ReadonlyMap<string, Held>,
  findings: Finding[],
): void {
  const refs = facts.refs.get(uri) ?? []
  const waiting = expected ? (facts.expected.get(uri) ?? []) : []
  if (named([...refs, ...waiting]) !== named(cids)) {
    findings.push({ kind: 'lost', what: `${uri} references ${named(refs) || 'nothing'} instead of ${named(cids)}` })
  }
  for (const cid of waiting) {
    if (held.has(pair(did, cid))) findings.push({ kind: 'lost', what: `${uri} waits for ${cid}, which is held` })
  }
}

function checkDoubtful(facts: Facts, uri: string, could: ReadonlySet<string>, findings: Finding[]): void {
  const names = named([...(facts.refs.get(uri) ?? []), ...(facts.expected.get(uri) ?? [])])
  if (could.has(names)) return
  findings.push({ kind: 'lost', what: `${uri} references ${names || 'nothing'}, which no write of it says` })
}

async function checkReadable(
  blobs: BlobStore,
  { did, uri }: Named,
  cid: string,
  ledger: Ledger,
  findings: Finding[],
): Promise<void> {
  try {
    const reading = await blobs.read(did, cid, {
      space: placeOf(uri),
      as: ledger.hidden.has(pair(did, cid)) ? 'moderator' : 'public',
    })
    if (cidOfBytes(await reading.bytes()) === cid) return
    findings.push({ kind: 'lost', what: `${cid} of ${did} has other bytes` })
  } catch (error) {
    findings.push({ kind: 'lost', what: `${cid} of ${did}: ${error}` })
  }
}
