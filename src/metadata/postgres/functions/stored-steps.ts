import type { RecordRefs, ReferenceSteps } from '../../contract/references.ts'
import type { Commit, CommitOutcome, Intent, UploadSteps } from '../../contract/uploads.ts'
import type { HostTransaction } from '../../host-database.ts'
import { identify } from '../../queries/former-references.ts'
import { acceptsItsClaim } from '../../queries/reference-checks.ts'
import { namingsOf } from '../../queries/reference-steps.ts'
import type { Session } from '../../session.ts'
import { isUncallable } from '../../sql-errors.ts'
import { commitFunction } from './commit.ts'
import { intendFunction } from './intend.ts'
import { limitsOf, noLimits } from './quota.ts'
import { referenceFunction } from './reference.ts'
import type { StoredFunction } from './stored-function.ts'

type Steps = Pick<UploadSteps, 'intend' | 'commit'> & Pick<ReferenceSteps, 'applyReferences'>

/** The most references, and records, of one call. */
const most = 16

/** The steps of an upload and its record, each as a call of a function in this schema. What it leaves, `steps` do. */
export function storedSteps(session: Session, schema: string, steps: Steps): Steps {
  /** Whether a function was dropped, or may no longer be called, since the store was opened. */
  let gone = false
  return {
    async intend(upload) {
      if (!(await intend(upload))) await steps.intend(upload)
    },

    commit: async (upload) => (await commit(upload)) ?? steps.commit(upload),

    async applyReferences(did, records, options) {
      const isUsual = !options.onlyIf && options.missing === 'reject'
      if (isUsual && (await reference(did, records, options.trx))) {
        return { applied: true, hidden: [], hiddenInSpaces: [], differing: [] }
      }
      return steps.applyReferences(did, records, options)
    },
  }

  async function intend({ reserved, quota, ...upload }: Intent): Promise<boolean> {
    return !reserved && call(intendFunction, { ...upload, ...limitsOf(quota) })
  }

  async function commit({ entry, quota, quarantine, ...upload }: Commit): Promise<CommitOutcome | null> {
    if (quarantine !== undefined) return null
    const { createdAt = null } = upload
    const own = { process: entry?.id ?? null, number: entry?.number ?? null }
    const limits = entry ? limitsOf(quota) : noLimits // the space of an upload with a row is reserved already
    if (!(await call(commitFunction, { ...upload, ...own, ...limits, createdAt }))) return null
    return { outcome: 'stored', mimeType: upload.mimeType, quarantined: false, differing: [], waiting: false }
  }

  async function reference(
    did: string,
    records: ReadonlyMap<string, RecordRefs>,
    trx: HostTransaction | undefined,
  ): Promise<boolean> {
    const namings = namingsOf(records)
    if (namings.length === 0 || Math.max(namings.length, records.size) > most) return false
    if (!namings.every(acceptsItsClaim)) return false
    if (new Set(namings.map(identify)).size < namings.length) return false
    const given = {
      did,
      records: [...records.keys()],
      uris: namings.map(({ recordUri }) => recordUri),
      cids: namings.map(({ cid }) => cid),
      scopes: namings.map(({ scope }) => scope),
      revs: namings.map(({ rev }) => rev),
      types: namings.map(({ mimeType }) => mimeType),
      sizes: namings.map(({ size }) => Number(size)),
    }
    return call(referenceFunction, given, trx)
  }

  async function call<G extends object>(
    stored: StoredFunction<G>,
    given: NoInfer<G>,
    trx?: HostTransaction,
  ): Promise<boolean> {
    if (gone) return false
    try {
      return await session.call((now) => stored.call(schema, given, now), trx)
    } catch (error) {
      // The host's transaction has failed with it.
      if (trx || !isUncallable(error)) throw error
      gone = true
      return false
    }
  }
}
