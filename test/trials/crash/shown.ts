import type { BlobStore } from '../../../src/index.ts'
import { friends, work } from '../../support/samples.ts'
import type { Finding } from './check.ts'
import type { Ledger } from './ledger.ts'

const spaces = [friends, work]

/** The space that a record is in; undefined for a public one. */
export const placeOf = (uri: string): string | undefined => spaces.find((space) => uri.startsWith(`${space}/`))

/** That nothing is shown in a place but what records there name, or may name. */
export async function checkShown(blobs: BlobStore, ledgers: readonly Ledger[], findings: Finding[]): Promise<void> {
  const known = ledgers.flatMap(({ records, doubtful }) => [
    ...[...records.values()].map(({ did, uri, cids }) => ({ did, uri, cids })),
    ...[...doubtful].map(([uri, { did, could }]) => ({
      did,
      uri,
      cids: [...could].flatMap((names) => names.split(' ')),
    })),
  ])
  for (const did of new Set(known.map((record) => record.did))) {
    for (const space of [undefined, ...spaces]) {
      const named = new Set(
        known.filter((one) => one.did === did && placeOf(one.uri) === space).flatMap(({ cids }) => cids),
      )
      const { items } = await (space === undefined
        ? blobs.listPublic(did, { limit: 1000 })
        : blobs.listSpace(did, space, { limit: 1000 }))
      for (const cid of items) {
        if (!named.has(cid)) findings.push({ kind: 'wrong', what: `${cid} of ${did} is shown in ${space ?? 'public'}` })
      }
    }
  }
}
