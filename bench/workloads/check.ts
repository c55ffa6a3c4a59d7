import assert from 'node:assert/strict'
import type { Contender, Name } from '../contenders/contract.ts'
import { inLanes } from '../measure/measure.ts'
import { accountOf, accounts, type Blobs } from './blobs.ts'

/** Every byte that was sent comes back, and a record references every blob. */
export async function check(contender: Contender, blobs: Blobs, names: readonly Name[]): Promise<void> {
  await inLanes(16, names.length, async (number) => {
    const bytes = await contender.read(accountOf(number), names[number] ?? assert.fail(`blob ${number}: no name`))
    assert(blobs.bytes(number).equals(bytes), `blob ${number} came back as other bytes`)
  })
  if (contender.referenced) assert.equal(await allReferenced(contender), names.length, 'references')
}

export async function allReferenced({ referenced }: Contender): Promise<number> {
  let sum = 0
  for (const did of accounts) sum += (await referenced?.(did)) ?? 0
  return sum
}

/** Stores all the blobs, unmeasured, and returns their names. */
export async function fill(contender: Contender, blobs: Blobs): Promise<Name[]> {
  const names: Name[] = []
  await inLanes(16, blobs.count, async (number) => {
    names[number] = await contender.upload({ did: accountOf(number), size: blobs.size, body: blobs.body(number) })
  })
  return names
}
