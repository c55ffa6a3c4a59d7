import { setImmediate } from 'node:timers/promises'
import type { CallOptions } from '../backend/backend.ts'
import type { BlobStore } from '../blob-store.ts'
import { type Logger, silent } from '../logger.ts'
import { deletionLimit } from '../maintenance/deletion-limit.ts'
import type { BlobStat } from '../metadata/types.ts'
import { ask, type PdsHost } from './host.ts'
import { isPinned, type Pin, type Pins, pinsOf, replacePins, uncommitted, unlisted, unpin } from './pins.ts'

export interface ReconcileOptions extends CallOptions {
  /**
   * Continues even if more than a tenth of all blobs, and more than 100, turn out to be unreferenced. @default false
   */
  force?: boolean | undefined
}

export interface ReconcileReport {
  accounts: number
  /** Blobs examined, including temporary ones. */
  blobs: number
  /** Permanent here, and not in the PDS: their pins were removed, and they expire. */
  released: number
  /** Permanent in the PDS, and not here, or with other visibility: pinned as in the PDS. */
  confirmed: number
  /** Accounts that the PDS could not be asked about. Nothing was released there. */
  unknown: number
  /** Whether the deletion limit stopped it: too many would have been released. */
  stopped: boolean
}

interface Party {
  blobs: BlobStore
  host: PdsHost
  logger?: Logger | undefined
  /** Replaces the clock by which pins are young, in tests. @default Date.now */
  now?: (() => number) | undefined
}

/**
 * Makes the store consistent with the PDS, after a crash, a rolled back transaction or a lost deletion. Safe at any
 * time, beside everything else. A blob is only released here; it is deleted after a grace period, if the PDS, asked
 * again, has no record of it.
 */
export async function reconcile(party: Party, options: ReconcileOptions = {}): Promise<ReconcileReport> {
  const report: ReconcileReport = { accounts: 0, blobs: 0, released: 0, confirmed: 0, unknown: 0, stopped: false }
  const most = options.force ? Number.POSITIVE_INFINITY : deletionLimit((await party.blobs.stats()).count)
  let cursor: string | undefined
  do {
    const page = await party.blobs.listAccounts({ cursor, signal: options.signal })
    for (const { did, deleted } of page.items) {
      // A crash may have come between forgetting an account and letting it come back.
      if (deleted) await party.blobs.reopenAccount(did).catch(() => {})
      else await reconcileAccount(party, did, report, most, options)
      if (report.stopped) return report
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return report
}

async function reconcileAccount(
  party: Party,
  did: string,
  report: ReconcileReport,
  most: number,
  { signal }: ReconcileOptions,
): Promise<void> {
  const { blobs, logger = silent } = party
  report.accounts += 1
  let cursor: string | undefined
  do {
    signal?.throwIfAborted()
    const page = await blobs.listAll(did, { cursor, limit: 200, signal })
    report.blobs += page.items.length
    try {
      await reconcileBlobs(party, did, page.items, report, most)
    } catch (error) {
      signal?.throwIfAborted()
      logger.warn({ err: error, did }, 'The PDS could not be asked for the blobs of this account: all are kept')
      report.unknown += 1
      return
    }
    if (report.stopped) {
      logger.error(
        { ...report },
        'Reconciling stopped: more than a tenth of all blobs are unreferenced. If that is intended, force it',
      )
      return
    }
    await setImmediate()
    cursor = page.cursor
  } while (cursor !== undefined)
}

async function reconcileBlobs(
  { blobs, host, now = Date.now }: Party,
  did: string,
  items: readonly BlobStat[],
  report: ReconcileReport,
  most: number,
): Promise<void> {
  // The pins first, then the question: as for a deletion.
  const noted: Pins[] = []
  for (const { cid, referenced } of items) {
    noted.push(referenced ? await pinsOf(blobs, did, cid) : { cid, pins: [], recordUris: [] })
  }
  const standing = await ask(
    host,
    did,
    items.map(({ cid }) => cid),
    { final: true },
  )
  const { grace } = blobs.times
  // A date in the far future comes from a clock that ran ahead: such a pin would stay young until then.
  const isYoung = ({ madeAt }: Pin) => Math.abs(now() - madeAt) < grace
  const released: Pin[] = []
  for (const former of noted) {
    const { cid, pins } = former
    const found = standing.get(cid)
    if (found === 'permanent') {
      if (pins.length > 0 && !(await mayBeShown(blobs, did, cid))) continue
      if ((await replacePins(blobs, did, 'public', former)) === 'pinned') report.confirmed += 1
      continue
    }
    if (found === 'unlisted') {
      const isPublic = (await blobs.stat(did, cid)) !== null
      if (pins.length > 0 && !isPublic) continue
      if ((await replacePins(blobs, did, unlisted, former)) === 'pinned') report.confirmed += 1
      continue
    }
    if (pins.length === 0) continue
    // A record was refused, or is being written: a write that takes longer than a grace period has failed.
    if (found === 'temporary' && pins.some(isYoung)) continue
    if (report.released >= most) {
      report.stopped = true
      break
    }
    report.released += 1
    released.push(...pins)
  }
  await unpin(blobs, did, released)
}

/** Whether it is hidden, and not by a moderator. */
async function mayBeShown(blobs: BlobStore, did: string, cid: string): Promise<boolean> {
  if ((await blobs.stat(did, cid)) !== null) return false
  return (await isPinned(blobs, did, cid, uncommitted)) || (await isPinned(blobs, did, cid, unlisted))
}
