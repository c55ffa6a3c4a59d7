import { describe, expect, test } from 'vitest'
import { cidOfBytes } from '../../src/index.ts'
import { alice, bob, bytes, post } from '../support/samples.ts'
import { type CliPlace, filled } from './run-cli.ts'

const cid = cidOfBytes(bytes('hello'))

async function listed(place: CliPlace) {
  const blobs = place.store()
  const { items } = await blobs.listPurges()
  await blobs.close()
  return items
}

describe('pds-blobstore purge', () => {
  // Fails when it asks for nothing, or the arguments do not reach the command.
  test('deletes a blob of all accounts for good, with a record, and not without being told twice', async () => {
    const place = await filled()
    const unasked = await place.cli('purge', '*', cid)
    expect(unasked).toMatchObject({ status: 2, stderr: expect.stringContaining('Add --yes') })
    expect(unasked.stderr).toContain(`Delete ${cid} of all accounts`)
    expect(await place.json('stats')).toMatchObject({ count: 2 })
    expect(await listed(place)).toEqual([])

    const done = await place.cli('purge', '*', cid, '--reason', 'case 17', '--by', 'trust', '--yes')
    expect(done.status).toBe(0)
    expect(done.stderr).toContain(place.line)
    expect(done.stdout).toMatch(/^objects deleted +1$/m)
    expect(done.stdout).toMatch(/^last backup before +not known$/m)
    expect(await place.json('stats')).toMatchObject({ count: 1 })
    expect(await listed(place)).toMatchObject([{ did: '*', cid, reason: 'case 17', by: 'trust', keys: 1 }])
    expect(await place.json('purge', '*', cid, '--yes')).toMatchObject({ keys: 0, remaining: [], cachesPurged: null })
  })

  test('of one account says what others keep, as a problem', async () => {
    const place = await filled()
    const blobs = place.store()
    await post(blobs, bob, 'b', await blobs.upload(bob, bytes('hello')))
    await blobs.close()
    const done = await place.cli('purge', alice, cid, '--yes')
    expect(done.status).toBe(3)
    expect(done.stdout).toContain('! Others have the same bytes')
    expect(await place.json('stats', '--account', bob)).toMatchObject({ count: 1 })
    expect(await place.json('stats', '--account', alice)).toMatchObject({ count: 1 })
  })

  // Fails when a mistyped CID looks like a deletion: the illegal content would stay.
  test('says so when there was no such blob, and not of one that it deleted', async () => {
    const place = await filled()
    const note = expect.stringContaining('No such blob was stored')
    for (const account of ['*', alice]) {
      const other = cidOfBytes(bytes(`mistyped for ${account}`))
      const mistyped = await place.cli('purge', account, other, '--yes')
      expect(mistyped).toMatchObject({ status: 0, stdout: expect.not.stringContaining('such'), stderr: note })
      for (let call = 0; call < 2; call++) {
        expect((await place.cli('purge', account, cid, '--yes')).stderr).not.toContain('No such blob')
      }
    }
  })

  test.each([
    ['no arguments', [], /missing required argument 'account'/],
    ['no CID', ['*'], /missing required argument 'cid'/],
    ['something that is no account', ['alice', cid], /Neither a DID nor/],
    ['something that is no CID', ['*', 'bafkrei'], /Not the CID of a blob/],
  ])('refuses %s', async (_what, args, message) => {
    const place = await filled()
    const refused = await place.cli('purge', ...args, '--yes')
    expect(refused).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(message) })
    expect(await place.json('stats')).toMatchObject({ count: 2 })
  })
})
