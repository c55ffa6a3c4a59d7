import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { cidOfBytes } from '../../src/index.ts'
import { alice, bob, bytes, post } from '../support/samples.ts'
import { type CliPlace, cli, filled, program, ran } from './run-cli.ts'

const cid = cidOfBytes(bytes('hello'))

/** What a command prints to stderr besides the name of the store. */
const said = (place: CliPlace, { stderr }: { stderr: string }): string => stderr.replace(place.line, '')

describe('a moderator at the command line', () => {
  // Fails when the note or the name does not reach the store, or when a reversal hides that the blob stays hidden.
  test('takes a blob down, finds the takedown again, and reverses it', async () => {
    const place = await filled()
    const refused = await cli(['takedown', '*', cid], {
      BLOBSTORE_DISK: place.root,
      BLOBSTORE_SQLITE: place.database,
    })
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining(`Hide ${cid} of all accounts`) })

    const why = ['--ref', 'case 17', '--by', 'mod@example.com']
    const report = { did: '*', cid, ref: 'case 17', by: 'mod@example.com', held: true }
    expect(await place.json('takedown', '*', cid, ...why)).toEqual(report)
    expect(await place.json('takedown', alice, cid)).toMatchObject({ held: true, ref: null })
    const listed = (await place.cli('takedowns')).stdout
    expect(listed).toMatch(new RegExp(`^20.*Z  ${cid}, of all accounts, case 17, by mod@example.com$`, 'm'))
    expect(listed).toMatch(new RegExp(`^20.*Z  ${cid}, of ${alice}$`, 'm'))
    const page = await place.json('takedowns', '--limit', '1')
    expect(page.items).toHaveLength(1)
    expect((await place.json('takedowns', '--cursor', String(page.cursor))).items).toHaveLength(1)

    const first = await place.cli('reverse-takedown', alice, cid)
    expect(first).toMatchObject({ status: 3, stdout: expect.stringContaining(`reverse-takedown '*' ${cid}`) })
    const second = await place.cli('reverse-takedown', '*', cid)
    expect(second).toMatchObject({ status: 0, stdout: expect.stringMatching(/^still hidden +no$/m) })
    const third = await place.cli('reverse-takedown', '*', cid)
    expect(third).toMatchObject({ status: 3, stdout: expect.stringContaining('There was no takedown') })
    expect(await place.json('takedowns')).toEqual({ items: [] })
  })

  // Fails when a quarantine does not reach the lists, or when its decision loses what the inspection found.
  test('lists what is quarantined, and releases or refuses it', async () => {
    const place = await filled()
    const blobs = place.store({ hooks: { inspect: async () => ({ quarantine: 'scanner: \u001b[2J' }) } })
    const refs = [await blobs.upload(bob, bytes('one')), await blobs.upload(bob, bytes('two'))]
    await post(blobs, bob, 'a', ...refs)
    await blobs.takedown(bob, cid)
    await blobs.close()
    const [one = '', two = ''] = refs.map(({ ref }) => String(ref))

    expect((await place.json('takedowns')).items).toHaveLength(3)
    const waiting = (await place.cli('takedowns', '--quarantined')).stdout
    expect(waiting.trim().split('\n')).toHaveLength(2)
    expect(waiting).toMatch(new RegExp(`Z  ${one}, of ${bob}, scanner: \\?\\[2J, by inspect, quarantined$`, 'm'))
    const page = await place.json('takedowns', '--quarantined', '--limit', '1')
    const rest = await place.json('takedowns', '--quarantined', '--cursor', String(page.cursor))
    expect([page.items, rest.items].flat()).toMatchObject([{ quarantined: true }, { quarantined: true }])

    expect(await place.json('reverse-takedown', bob, one)).toEqual({ reversed: true, stillTakenDown: false })
    expect(await place.json('takedown', bob, two, '--by', 'mod')).toMatchObject({ held: true })
    expect((await place.cli('takedowns', '--quarantined')).stdout).toBe('')
    expect((await place.cli('show', two)).stdout).toMatch(/^taken down .*, scanner: \?\[2J, by mod$/m)
    expect((await place.cli('get', bob, one)).stdout).toBe('one')
  })

  test('sees all that is known of a blob', async () => {
    const place = await filled()
    const blobs = place.store()
    const ref = await blobs.upload(bob, bytes('hello'))
    for (let at = 0; at < 11; at++) await post(blobs, bob, `b${at}`, ref)
    await blobs.takedown(bob, cid, { ref: 'case \u001b[2J' })
    await blobs.close()
    const shown = await place.cli('show', cid)
    expect(shown.status).toBe(0)
    for (const row of [
      /^size +5 bytes$/m,
      /^backend +disk$/m,
      new RegExp(`^key +${cid}\\.\\S+$`, 'm'),
      /^verified +20\S+Z$/m,
      new RegExp(`^taken down +20\\S+Z, of ${bob}, case \\?\\[2J$`, 'm'),
      new RegExp(`^account +${alice}, \\S+, since \\S+, permanent$`, 'm'),
      new RegExp(`^account +${bob}, \\S+, since \\S+, permanent, hidden$`, 'm'),
      new RegExp(`^ {2}record +at://${alice}/`, 'm'),
      /^ {2}record +and more$/m,
    ]) {
      expect(shown.stdout).toMatch(row)
    }
    const page = await place.json('show', cid, '--limit', '1')
    expect(page).toMatchObject({ cid, location: { backend: 'disk', size: 5 }, takedowns: [{ did: bob }] })
    expect(page.accounts).toHaveLength(1)
    const next = await place.json('show', cid, '--limit', '1', '--cursor', String(page.cursor))
    expect(next.accounts).toMatchObject([{ did: [alice, bob].toSorted()[1] }])
    expect(next).not.toHaveProperty('cursor')

    const unknown = await place.cli('show', cidOfBytes(bytes('never')))
    expect(unknown).toMatchObject({ status: 3, stdout: expect.stringContaining('knows nothing of it') })
  })

  test('gets the bytes of a blob, hidden ones too, into a file or a pipe, and not into a terminal', async () => {
    const place = await filled()
    const binary = Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 8)) & 255)
    const blobs = place.store()
    const { ref } = await blobs.upload(alice, binary)
    await blobs.takedown(alice, ref)
    await blobs.close()
    const args = [program, 'get', alice, String(ref), ...place.named]
    const env = { PATH: process.env.PATH, NO_COLOR: '1' }
    const options = { encoding: 'buffer', maxBuffer: 10_000_000, env } as const
    const got = await promisify(execFile)(process.execPath, args, options)
    expect(got.stdout.equals(binary)).toBe(true)
    expect(got.stderr.toString()).toBe('This blob is taken down: only moderators may see it\n')
    const { stderr } = await promisify(execFile)(process.execPath, [...args, '--json'], options)
    expect(JSON.parse(stderr.toString())).toMatchObject({ cid: String(ref), size: 3_000_000, takenDown: true })

    const missing = await place.cli('get', bob, String(ref))
    expect(missing).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('BlobNotFound') })
    const words = [process.execPath, ...args].map((word) => `'${word}'`).join(' ')
    const head = await ran('sh', ['-c', `${words} | head -c 1000 | wc -c`])
    expect(head.stdout.trim()).toBe('1000')
    if (process.platform !== 'linux') return
    const terminal = await ran('script', ['--quiet', '--return', '--command', words, '/dev/null'])
    expect(terminal).toMatchObject({ status: 2, stdout: expect.stringContaining('add > file') })
  })

  // Fails when damaged bytes look like the blob.
  test('is told of damage by the exit status', async () => {
    const place = await filled()
    writeFileSync(place.fileOf(cid), 'jello')
    const got = await place.cli('get', alice, cid)
    expect(got).toMatchObject({ status: 1, stderr: expect.stringContaining('BlobDamaged') })
    expect(got.stdout).not.toBe('jello')
  })

  test('lists an account’s blobs, and the largest accounts', async () => {
    const place = await filled()
    const blobs = place.store()
    await blobs.upload(bob, bytes('x'))
    await blobs.takedown(alice, cid)
    await blobs.close()
    const listed = await place.cli('list', alice)
    expect(listed.stdout).toMatch(new RegExp(`^${cid}  \\S+, 5 bytes, \\S+Z, permanent, hidden$`, 'm'))
    expect(listed.stdout).toMatch(/, 9 bytes, \S+Z, temporary$/m)
    const page = await place.cli('list', alice, '--limit', '1')
    const cursor = /--cursor (\S+)/.exec(page.stderr)?.[1] ?? ''
    expect((await place.json('list', alice, '--cursor', cursor)).items).toHaveLength(1)

    const largest = await place.json('accounts', '--sort', 'bytes', '--limit', '1')
    expect(largest).toMatchObject({ items: [{ did: alice, bytes: 14, count: 2 }] })
    expect((await place.cli('accounts')).stdout).toMatch(new RegExp(`^${bob} +1 bytes, 1 blobs$`, 'm'))
    expect(await place.cli('accounts', '--sort', 'bytes', '--cursor', cursor)).toMatchObject({ status: 2 })
    expect(await place.cli('list', alice, '--limit', '1001')).toMatchObject({ status: 2 })
  })

  test('deletes an account only when told twice, and lets it come back', async () => {
    const place = await filled()
    const unasked = await place.cli('delete-account', alice)
    expect(unasked).toMatchObject({ status: 2, stderr: expect.stringContaining(`Delete all 2 blobs (14 bytes) of`) })
    expect(await place.json('stats')).toMatchObject({ count: 2 })
    expect(await place.json('delete-account', alice, '--yes')).toEqual({ did: alice, count: 2, bytes: 14, held: 0 })
    expect(await place.json('stats')).toMatchObject({ count: 0 })
    const refused = place.store()
    await expect(refused.upload(alice, bytes('x'))).rejects.toMatchObject({ code: 'AccountDeleted' })
    expect(await place.cli('reopen-account', alice, '--yes')).toMatchObject({ status: 0 })
    await refused.upload(alice, bytes('x'))
  })

  test('lists purges', async () => {
    const place = await filled()
    await place.cli('purge', '*', cid, '--reason', 'case 18', '--by', 'trust', '--yes')
    const { stdout } = await place.cli('purges')
    expect(stdout).toMatch(new RegExp(`^20\\S+Z  ${cid}, of all accounts, case 18, by trust, gone 20\\S+Z$`, 'm'))
    expect(await place.json('purges')).toMatchObject({ items: [{ cid, reason: 'case 18' }] })
    expect((await place.cli('takedowns')).stdout).toMatch(/by trust, purged$/m)
  })
})

describe('with --json', () => {
  test.each([
    ['an operation that fails', ['get', bob, cid], 1, 'BlobNotFound'],
    ['an argument that is no account', ['takedown', 'alice', cid, '--yes'], 2, 'InvalidUsage'],
    ['a question that cannot be asked', ['delete-account', alice], 2, 'InvalidUsage'],
    ['a missing argument', ['takedown'], 2, 'InvalidUsage'],
    ['an unknown option', ['stats', '--fast'], 2, 'InvalidUsage'],
  ] as const)('%s is an error in JSON on stderr', async (_what, args, status, error) => {
    const place = await filled()
    const run = await place.cli(...args, '--json')
    expect(run).toMatchObject({ status, stdout: '' })
    expect(JSON.parse(said(place, run))).toEqual({ error, message: expect.stringMatching(/\w+ \w+/) })
  })
})
