import { expect, test } from 'vitest'
import { bytes } from '../support/samples.ts'
import { moveInAndBack } from './moved-and-back.ts'
import { ReferencePds } from './reference-pds.ts'

// Fails when a blob is lost or changed without a report. With the data of a real PDS: test/pds/real/moved.test.ts.

test.each(['pds', 'store'] as const)(
  'of 222 blobs of 10 accounts, imported and exported, every difference is reported: references %s',
  { timeout: 120_000 },
  async (references) => {
    const pds = new ReferencePds()
    for (let n = 0; n < 222; n++) {
      const did = `did:plc:account${n % 10}`
      const blob = pds.upload(did, bytes(`blob ${n} ${'x'.repeat(n * 7)}`))
      if (n % 11 === 3) continue // temporary
      pds.post(did, `post${n}`, blob)
      if (n % 13 === 5) pds.takedown(did, blob.cid)
    }
    pds.close()
    expect(await moveInAndBack(pds.location, pds.actors, references)).toBe(222)
  },
)
