import type { Intent } from '../../contract/uploads.ts'
import { addToAccount, noDeltas } from '../../queries/account-row.ts'
import { insertUpload } from '../../queries/announce-upload.ts'
import { exceedsQuota, type QuotaLimits, quotaTypes } from './quota.ts'
import { giveUp, inline, type StoredFunction, storedFunction } from './stored-function.ts'

/** An upload whose bytes are in memory, within the quota. */
export const intendFunction: StoredFunction<UsualIntent> = storedFunction<UsualIntent>(
  'intend',
  {
    ...{ key: 'text', backend: 'text', did: 'text', cid: 'text', size: 'bigint', lease: 'bigint' },
    ...quotaTypes,
  },
  ({ key, backend, did, cid, size, lease }) => ({
    declare: '  account record;\n  changed bigint;',
    steps: `  ${inline(addToAccount.build, { ...noDeltas, did, reserved: size, uploads: 1 })} into account;
  if account.deleted_at is not null
    or ${exceedsQuota} then
    ${giveUp}
  end if;
  ${inline(insertUpload('postgres'), { key, backend, did, cid, reserved: size, lease })};
  get diagnostics changed = row_count;
  if changed <> 1 then
    ${giveUp}
  end if;`,
  }),
)

type UsualIntent = Pick<Intent, 'key' | 'backend' | 'did' | 'cid' | 'size' | 'lease'> & QuotaLimits
