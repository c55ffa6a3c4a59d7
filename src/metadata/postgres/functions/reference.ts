import { addToAccount, noDeltas } from '../../queries/account-row.ts'
import { findNamed } from '../../queries/former-references.ts'
import { keep } from '../../queries/kept-blobs.ts'
import { findBlobs } from '../../queries/reference-checks.ts'
import { insertReferences } from '../../queries/reference-steps.ts'
import { inline, type StoredFunction, storedFunction, variable } from './stored-function.ts'

interface References {
  did: string
  /** The records' URIs. */
  records: readonly string[]
  /** From here on an item for each reference: its record, its blob, and what the record says of it. */
  uris: readonly string[]
  cids: readonly string[]
  scopes: readonly string[]
  revs: readonly string[]
  types: readonly string[]
  sizes: readonly number[]
}

/** Records that had no references before, and reference blobs that are as the records say. */
export const referenceFunction: StoredFunction<References> = storedFunction<References>(
  'reference',
  {
    ...{ did: 'text', records: 'text[]', uris: 'text[]', cids: 'text[]', scopes: 'text[]', revs: 'text[]' },
    ...{ types: 'text[]', sizes: 'bigint[]' },
  },
  ({ did }) => {
    const cid = variable('p_cids[at]')
    const row = {
      ...{ did, cid, record_uri: variable('p_uris[at]'), rev: variable('p_revs[at]'), scope: variable('p_scopes[at]') },
      ...{ claimed_type: null, claimed_size: null },
    }
    return {
      declare: '  account record;\n  blob record;\n  changed bigint;\n  kept bigint := 0;',
      // All is checked before anything is written, so this needs no transaction within the host's: PostgreSQL has room for
      // few of these. The first question is for accounts that have nothing, not even a row.
      steps: `  perform 1 from blobstore_account where did = p_did;
  if not found then
    return false;
  end if;
  ${inline(addToAccount.build, { ...noDeltas, did })} into account;
  if account.deleted_at is not null then
    return false;
  end if;
  for at in 1 .. cardinality(p_cids) loop
    ${inline(findBlobs.build, { did, cids: [cid] })} into blob;
    if not found or blob.forbidden or blob.mime_type <> p_types[at] or blob.size <> p_sizes[at] then
      return false;
    end if;
  end loop;
  for at in 1 .. cardinality(p_records) loop
    perform 1 from (${inline(findNamed.build, { did, uris: [variable('p_records[at]')] })}) as former;
    if found then
      return false;
    end if;
  end loop;
  for at in 1 .. cardinality(p_cids) loop
    ${inline(insertReferences.build, { rows: [row] })};
    ${inline(keep.build, { did, cids: [cid] })};
    get diagnostics changed = row_count;
    kept := kept + changed;
  end loop;
  if kept > 0 then
    ${inline(addToAccount.build, { ...noDeltas, did, temporary: variable('-kept') })} into account;
  end if;`,
    }
  },
)
