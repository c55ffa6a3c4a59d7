import { describe, expect, test } from 'vitest'
import { Bench, miscounted } from './bench.ts'
import { meetEverywhere } from './meet.ts'
import { type Meeting, meetings } from './meetings.ts'
import { purgeMeetings } from './purge-meetings.ts'
import { withoutAccountLock, withoutContentLock } from './steered.ts'

// Forces what READ COMMITTED allows: rules 4 and 6 and the lost races of docs/protocol.md, on two connections, at each
// statement of a transaction. Where a lock prevents it, the same without the lock must go wrong.

describe('on PostgreSQL', () => {
  test.each([...meetings, ...purgeMeetings])('nothing goes wrong when $name', async (meeting) => {
    expect(await meetEverywhere(new Bench(), meeting)).toEqual([])
  })
})

const named = (words: string): Meeting => {
  const found = [...meetings, ...purgeMeetings].find(({ name }) => name.includes(words))
  if (!found) throw new Error(words)
  return found
}

describe('without the lock on the content, bytes leak when', () => {
  test.each([named('the last two blobs'), named('the last two accounts')])('$name', async (meeting) => {
    const [wrong] = await meetEverywhere(new Bench(), meeting, { rewrite: withoutContentLock })
    expect(wrong).toContain('content that no account has')
  })
})

// A purge waits at the rows of uploads for commits that have not seen it.
describe('without the locks on uploads, bytes come back when', () => {
  test.each([named('of what nobody has'), named('a copy is adopted')])('$name', async (meeting) => {
    const [wrong] = await meetEverywhere(new Bench(), meeting, { rewrite: withoutContentLock })
    expect(wrong).toContain('purged')
  })
})

describe('without writing the account’s row first', () => {
  test.each([
    ['a record is imported', 'a blob that is held and still expected'],
    ['before the border of a quota', '2 were granted'],
  ])('%s: %s', async (words, what) => {
    const meeting = named(words)
    const wrong = await meetEverywhere(new Bench(), meeting, { rewrite: withoutAccountLock, ignored: miscounted })
    expect(wrong.join('\n')).toContain(what)
  })
})
