import type { Commit } from '../../contract/uploads.ts'
import { addToAccount, noDeltas } from '../../queries/account-row.ts'
import * as commitStatements from '../../queries/commit-statements.ts'
import { takeUpload } from '../../queries/commit-step.ts'
import { insertDoomed } from '../../queries/doomed-rows.ts'
import { giveUp, inline, type StoredFunction, storedFunction, variable } from './stored-function.ts'

/**
 * Bytes that the account does not have, that no moderator took down and for which no record waits. Whether others have
 * them must make no difference in time, so here it makes none.
 */
export const commitFunction: StoredFunction<UsualCommit> = storedFunction<UsualCommit>(
  'commit',
  {
    ...{ key: 'text', backend: 'text', did: 'text', cid: 'text', size: 'bigint' },
    ...{ mimeType: 'text', createdAt: 'bigint' },
    ...{ grace: 'bigint', fresh: 'bigint', deleteDelay: 'bigint', unusedDelay: 'bigint' },
  },
  ({ key, backend, did, cid, size, mimeType, createdAt, grace, deleteDelay, unusedDelay }) => {
    const counted = { reserved: variable('-p_size'), uploads: -1, bytes: size, count: 1, temporary: 1 }
    const dooming = (former: { key: string; backend: string }, delay: number) =>
      inline(insertDoomed, { rows: [{ ...former, did: null, size }], delay })
    const live = { key: variable('situation."key"'), backend: variable('situation."backend"') }
    return {
      declare: '  account record;\n  situation record;\n  changed bigint;',
      steps: `  ${inline(addToAccount.build, { ...noDeltas, did, ...counted })} into account;
  ${inline(takeUpload.build, { key })};
  get diagnostics changed = row_count;
  if account.deleted_at is not null or changed <> 1 then
    ${giveUp}
  end if;
  ${inline(commitStatements.findSituation, { did, cid, since: variable('-p_fresh') })} into situation;
  if situation.forbidden or situation.expected or situation."heldType" is not null then
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

type UsualCommit = Omit<Commit, 'declared' | 'createdAt' | 'takenDown' | 'quarantine'> & { createdAt: number | null }
