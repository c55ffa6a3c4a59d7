import type { Commit } from '../../contract/uploads.ts'
import { addToAccount, noDeltas } from '../../queries/account-row.ts'
import * as commitStatements from '../../queries/commit-statements.ts'
import { takeUpload } from '../../queries/commit-step.ts'
import { insertDoomed } from '../../queries/doomed-rows.ts'
import { findEntry } from '../../queries/entry-rows.ts'
import { exceedsQuota, type QuotaLimits, quotaTypes } from './quota.ts'
import { giveUp, inline, type StoredFunction, storedFunction, variable } from './stored-function.ts'

/**
 * Bytes that the account does not have, that its quota allows, that no moderator took down and for which no record waits.
 * Whether others have them must make no difference in time, so here it makes none.
 */
export const commitFunction: StoredFunction<UsualCommit> = storedFunction<UsualCommit>(
  'commit',
  {
    ...{ process: 'text', number: 'bigint', key: 'text', backend: 'text', did: 'text', cid: 'text', size: 'bigint' },
    ...{ mimeType: 'text', createdAt: 'bigint' },
    ...quotaTypes,
    ...{ grace: 'bigint', fresh: 'bigint', deleteDelay: 'bigint', unusedDelay: 'bigint' },
  },
  ({ key, backend, did, cid, size, mimeType, createdAt, grace, deleteDelay, unusedDelay }) => {
    const reserved = variable('case when p_process is null then -p_size else 0 end')
    const uploads = variable('case when p_process is null then -1 else 0 end')
    const counted = { reserved, uploads, bytes: size, count: 1, temporary: 1 }
    const dooming = (former: { key: string; backend: string }, delay: number) =>
      inline(insertDoomed, { rows: [{ ...former, did: null, size }], delay })
    const live = { key: variable('situation."key"'), backend: variable('situation."backend"') }
    return {
      declare: '  account record;\n  situation record;\n  changed bigint;',
      steps: `  ${inline(addToAccount.build, { ...noDeltas, did, ...counted })} into account;
  if p_process is null then
    ${inline(takeUpload.build, { key })};
    get diagnostics changed = row_count;
  else
    perform 1 from (${inline(findEntry('postgres'), { id: variable('p_process'), number: variable('p_number'), backend })}) as entry;
    get diagnostics changed = row_count;
  end if;
  if changed <> 1
    or account.deleted_at is not null
    or ${exceedsQuota} then
    ${giveUp}
  end if;
  ${inline(commitStatements.findSituation, { did, cid, key, since: variable('-p_fresh') })} into situation;
  if situation.forbidden or situation.expected or situation."heldType" is not null
    or situation.doomed or situation."key" = p_key then
    ${giveUp}
  end if;
  if situation."key" is null then
    ${inline(commitStatements.insertContent, { cid, key, backend, size })};
  elsif situation.fresh then
    ${dooming({ key, backend }, unusedDelay)};
  else
    ${inline(commitStatements.replaceContent, { cid, former: live.key, key, backend })};
    get diagnostics changed = row_count;
    if changed <> 1 then
      ${giveUp}
    end if;
    ${dooming(live, deleteDelay)};
  end if;
  ${inline(commitStatements.insertBlob, { did, cid, mime_type: mimeType, size, grace, createdAt })};`,
    }
  },
)

interface UsualCommit
  extends Omit<Commit, 'entry' | 'quota' | 'declared' | 'createdAt' | 'takenDown' | 'quarantine'>,
    QuotaLimits {
  /** The entry: null for an upload with a row of its own. */
  process: string | null
  number: number | null
  createdAt: number | null
}
