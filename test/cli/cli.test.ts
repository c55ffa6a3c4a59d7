import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { manifest } from '../../scripts/check-package/workshop.ts'
import { commands } from '../../src/cli/program.ts'
import { cidOfBytes, DiskBackend } from '../../src/index.ts'
import { alice, bytes, day, post } from '../support/samples.ts'
import { ReferencePds } from '../transfer/reference-pds.ts'
import { CliPlace, cli, filled, program } from './run-cli.ts'

// Fails when a command does not do what it says, hides a problem from the exit status, mixes progress into its output
// or creates a store where there was none.

describe('the command line', () => {
  test('shows help that groups commands by purpose', async () => {
    const help = await cli(['help'])
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help).toEqual(await cli(['--help']))
    const groups = ['Look', 'check', 'stats', 'Maintenance', 'collect', 'sweep', 'scrub', 'Move', 'migrate', 'import']
    expect(help.stdout).toMatch(new RegExp(groups.map((name) => `^ *${name}\\b`).join('[^]*'), 'm'))
    expect(help.stdout).toContain('2 wrong usage')
    expect(await cli(['--version'])).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })

  test.each(commands.map(({ name }) => name))(
    'explains %s: what it changes, and examples that it accepts',
    async (name) => {
      const { stdout, status } = await cli([name, '--help'])
      expect(status).toBe(0)
      expect(stdout).toBe((await cli(['help', name])).stdout)
      expect(stdout).toMatch(/^What it changes:\n {2}\w.*/m)
      expect(stdout).toMatch(/^Exit status: 0 success/m)
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
      const examples =
        stdout.replaceAll(/ \\\n +/g, ' ').match(new RegExp(`^ +\\$ pds-blobstore ${name}\\b.*$`, 'gm')) ?? []
      expect(examples.length).toBeGreaterThanOrEqual(2)
      const options = new Set(
        stdout
          .split('Examples')[0]
          ?.match(/^ {2}--[a-z0-9-]+/gm)
          ?.map((option) => option.trim()),
      )
      expect(
        examples.flatMap((example) => example.match(/--[a-z0-9-]+/g) ?? []).filter((one) => !options.has(one)),
      ).toEqual([])
    },
  )

  test('prints what is stored, as text and as JSON', async () => {
    const place = await filled()
    const plain = await place.cli('stats')
    expect(plain).toMatchObject({ status: 0, stderr: '' })
    expect(plain.stdout).toMatch(/^blobs +2$/m)
    expect(plain.stdout).toMatch(/^bytes stored +14 bytes$/m)
    expect(await place.json('stats')).toMatchObject({ accounts: 1, count: 2, storedBytes: 14 })
    expect(await place.json('stats', '--account', alice)).toMatchObject({ count: 2, bytes: 14 })
  })

  test('collects, and in a dry run only prints what would be deleted', async () => {
    const place = await filled()
    // The command line uses the database's clock, by which the blob was uploaded long ago.
    expect(await place.json('collect', '--dry-run')).toMatchObject({ expiredBlobs: 1 })
    expect(await place.json('stats')).toMatchObject({ count: 2 })
    expect(await place.json('collect')).toMatchObject({ expiredBlobs: 1 })
    expect(await place.json('stats')).toMatchObject({ count: 1 })
  })

  // Fails when the command line uses delays of its own.
  test('collects by the delays of the host, even while the host is stopped', async () => {
    const place = await filled()
    await place.store({ times: { deleteDelay: 30 * day } }).markBackup()
    expect(await place.json('collect')).toMatchObject({ expiredBlobs: 1 })
    const database = new Database(place.database, { readonly: true })
    const waits = database.prepare('SELECT not_before FROM blobstore_doomed').pluck().get()
    database.close()
    expect(Number(waits) - Date.now()).toBeGreaterThan(29 * day)
  })

  test('sweeps, and stops with a problem where too much would be deleted', async () => {
    const place = await filled()
    expect(await place.json('sweep')).toMatchObject({ keys: 2, orphans: 0, stopped: false })
    const backend = new DiskBackend({ root: place.root, durability: 'relaxed' })
    await backend.open()
    for (let at = 0; at < 101; at++) {
      const content = bytes(`orphan ${at}`)
      const key = `${cidOfBytes(content)}.1-aaaaaaaaaaaaaaaa`
      await backend.put(key, { size: content.byteLength, sha256: new Uint8Array(32), chunks: [content] })
    }
    await backend.close()
    const stopped = await place.cli('sweep')
    expect(stopped.status).toBe(3)
    expect(stopped.stdout).toMatch(/orphans +101/)
    expect(stopped.stdout).toContain('--force')
    const unasked = await place.cli('sweep', '--force')
    expect(unasked).toMatchObject({ status: 2, stderr: expect.stringContaining('--yes') })
    expect(await place.cli('sweep', '--force', '--yes')).toMatchObject({ status: 0 })
  })

  test('copies the database while the host has it open, and overwrites only with --overwrite', async () => {
    const place = await filled()
    const host = place.store()
    await host.ready()
    const to = join(place.folder, 'copy.sqlite')
    expect(await place.cli('backup')).toMatchObject({ status: 2, stderr: expect.stringContaining('--to') })
    expect(await place.json('backup', '--to', to)).toEqual({ bytes: statSync(to).size })
    const again = await place.cli('backup', '--to', to)
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('exists already') })
    expect(await place.cli('backup', '--to', to, '--overwrite')).toMatchObject({ status: 0 })
    await host.upload(alice, bytes('and the host goes on'))
    await host.close()
    const { count } = await place.store({ database: to }).usage(alice)
    expect(count).toBe(2)
  })

  test('recovers what a restored database has forgotten, and reports blobs without owners', async () => {
    const place = new CliPlace()
    const before = place.store()
    await post(before, alice, 'a', await before.upload(alice, bytes('kept')))
    await before.close()
    const backup = place.backUp()
    const later = place.store()
    for (const text of ['named', 'lost']) await later.upload(alice, bytes(text))
    await later.close()
    place.putBack(backup)
    const [named, lost] = [cidOfBytes(bytes('named')), cidOfBytes(bytes('lost'))]
    const collected = await place.cli('collect')
    expect(collected).toMatchObject({ status: 1, stderr: expect.stringContaining('pds-blobstore recover') })

    const owners = join(place.folder, 'owners.txt')
    writeFileSync(owners, `\n${named} ${alice} text/plain extra\n`)
    const wrong = await place.cli('recover', '--owners', owners, '--yes')
    expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('line 2 is not') })
    const unasked = await place.cli('recover')
    expect(unasked).toMatchObject({ status: 2, stderr: expect.stringContaining('--yes') })
    writeFileSync(owners, `${named}  ${alice}  text/plain\r\n\n`)
    const recovered = await place.cli('recover', '--owners', owners, '--yes')
    expect(recovered.status).toBe(3)
    expect(recovered.stdout).toMatch(/^blobs given back +1$/m)
    expect(recovered.stdout).toContain(`! ${lost}: has no owner`)

    expect(await place.json('stats', '--account', alice)).toMatchObject({ count: 2 })
    expect(await place.json('recover', '--yes')).toMatchObject({ keys: 4, adopted: 0, unclaimed: [lost] })
    expect(await place.json('sweep'), 'the one lost, and the one given back under a new key').toMatchObject({
      orphans: 2,
    })
  })

  test('finds damage, and reports it by exit status and name', async () => {
    const place = await filled()
    expect(await place.cli('check')).toMatchObject({ status: 0 })
    expect(await place.cli('scrub', '--all')).toMatchObject({ status: 0 })
    const cid = cidOfBytes(bytes('hello'))
    writeFileSync(place.fileOf(cid), 'jello')
    const scrubbed = await place.cli('scrub', '--all')
    expect(scrubbed.status).toBe(3)
    expect(scrubbed.stdout).toContain(`! ${cid}: wrongHash`)
    expect((await place.cli('check')).status).toBe(3)
  })

  // Fails when a store of --config keeps its warnings to itself.
  test('finds with a configuration of the host what it finds with options', async () => {
    const place = new CliPlace()
    const before = place.store()
    await before.upload(alice, bytes('kept'))
    await before.close()
    const backup = place.backUp()
    const later = place.store()
    await later.upload(alice, bytes('lost'))
    await later.close()
    place.putBack(backup)
    const config = (name: string, options: string) => {
      const entry = join(import.meta.dirname, '../../dist/index.js')
      const file = join(place.folder, name)
      writeFileSync(
        file,
        `import { createBlobStore, DiskBackend, sqliteMetadata } from ${JSON.stringify(entry)}
         const backend = new DiskBackend({ root: ${JSON.stringify(place.root)} })
         const metadata = sqliteMetadata(${JSON.stringify(place.database)})
         export default createBlobStore({ backend, metadata, janitor: false${options} })`,
      )
      return ['--config', file]
    }
    const [silent, loud] = [config('silent.mjs', ''), config('loud.mjs', ', logger: console')]
    const problem = expect.stringMatching(/^The database is older than its bytes/)
    for (const where of [place.named, silent, loud]) {
      const { status, stdout, stderr } = await cli(['check', '--json', ...where])
      expect(status).toBe(3)
      const report = JSON.parse(stdout.slice(stdout.indexOf('{"accounts"')))
      expect(report).toMatchObject({ problems: [problem] })
      expect(stderr.match(/^Warning: The database/gm) ?? [], 'shown once').toHaveLength(where === loud ? 0 : 1)
    }
  })

  test('moves to another backend and says when the old one may be left out, with a configuration of the host', async () => {
    const place = await filled()
    const config = join(place.folder, 'store.mjs')
    const entry = join(import.meta.dirname, '../../dist/index.js')
    const root = join(place.folder, 'new')
    writeFileSync(
      config,
      `import { createBlobStore, DiskBackend, sqliteMetadata } from ${JSON.stringify(entry)}
       export default () => createBlobStore({
         backend: { write: 'new', all: {
           disk: new DiskBackend({ root: ${JSON.stringify(place.root)} }),
           new: new DiskBackend({ root: ${JSON.stringify(root)}, name: 'new' }),
         } },
         metadata: sqliteMetadata(${JSON.stringify(place.database)}),
         times: { deleteDelay: 0 },
       })`,
    )
    const env = { BLOBSTORE_CONFIG: config }
    expect((await cli(['migrate', '--dry-run'], env)).stdout).toMatch(/would move +2/)
    const moved = await cli(['migrate', '--quiet', '--yes'], env)
    expect(moved).toMatchObject({ status: 0, stderr: '' })
    expect(moved.stdout).toMatch(/disk +still needed: old copies wait/)
    await cli(['collect', '--yes'], env)
    expect((await cli(['migrate', '--yes'], env)).stdout).toMatch(/disk +no longer needed/)
    const blobs = place.store({ backend: new DiskBackend({ root, name: 'new', durability: 'relaxed' }) })
    expect(await (await blobs.read(alice, cidOfBytes(bytes('hello')))).bytes()).toEqual(Buffer.from('hello'))
  })

  test('imports into a store that it creates, and exports again', async () => {
    const pds = new ReferencePds()
    const [post, hidden] = [pds.upload(alice, bytes('post')), pds.upload(alice, bytes('hidden'))]
    pds.post(alice, 'post', post, hidden)
    pds.takedown(alice, hidden.cid)
    pds.upload(alice, bytes('temporary'))
    const place = new CliPlace()
    const from = ['--from', pds.location, '--actors', pds.actors]
    expect(await place.cli('import', ...from)).toMatchObject({ status: 2, stderr: expect.stringContaining('no such') })
    const imported = await place.cli('import', ...from, '--create')
    expect(imported).toMatchObject({ status: 0, stderr: place.line })
    expect(imported.stdout).toMatch(/^imported +3$/m)
    writeFileSync(join(pds.location, alice, cidOfBytes(bytes('stray'))), 'stray')
    const hostile = join(pds.location, alice, 'stray\u001b[2J')
    writeFileSync(hostile, 'stray')
    const again = await place.cli('import', ...from)
    expect(again.stdout).not.toContain('\u001b')
    expect(again).toMatchObject({
      status: 3,
      stdout: expect.stringMatching(/already there +3\n(.*\n)*! unknown: did:plc:/),
    })

    const to = join(place.folder, 'exported')
    const exported = await place.cli('export', '--to', to, '--layout', 'pds', '--actors', pds.actors)
    expect(exported).toMatchObject({ status: 0, stderr: '' })
    rmSync(join(pds.location, alice, cidOfBytes(bytes('stray'))))
    rmSync(hostile)
    expect(pds.tree(to)).toEqual(pds.tree())
    expect(await place.json('export', '--to', join(place.folder, 'files'))).toMatchObject({ written: 3 })
  })

  test('creates nothing in a dry run of an import, whatever there is of a store', async () => {
    const pds = new ReferencePds()
    pds.post(alice, 'post', pds.upload(alice, bytes('post')))
    pds.close()
    const from = ['import', '--from', pds.location, '--actors', pds.actors, '--json', '--dry-run']
    for (const made of ['nothing', 'folder and file', 'a database of the host’s']) {
      for (const create of [[], ['--create']]) {
        const place = new CliPlace()
        if (made !== 'nothing') {
          mkdirSync(place.root)
          writeFileSync(place.database, '')
        }
        if (made.startsWith('a database')) {
          const database = new Database(place.database)
          database.exec('CREATE TABLE of_the_host (x)')
          database.close()
        }
        const before = readdirSync(place.folder, { recursive: true })
        const content = made === 'nothing' ? null : readFileSync(place.database)
        const { status, stdout, stderr } = await place.cli(...from, ...create)
        expect({ status, stderr }).toEqual({ status: 0, stderr: place.line })
        expect(JSON.parse(stdout)).toMatchObject({ blobs: 1, imported: 1 })
        expect(readdirSync(place.folder, { recursive: true })).toEqual(before)
        if (content) expect(readFileSync(place.database)).toEqual(content)
      }
    }
    const place = await filled()
    rmSync(place.database)
    expect(await place.cli(...from)).toMatchObject({ status: 2, stderr: expect.stringContaining('no such file') })
  })

  test('refuses to export inside the store, or around it', async () => {
    const place = await filled()
    const link = join(place.folder, 'link')
    symlinkSync(place.root, link)
    const around = join(place.folder, '..')
    for (const to of [place.root, join(place.root, 'blobs', 'export'), join(link, 'export'), place.folder, around]) {
      for (const layout of ['files', 'pds']) {
        const run = await place.cli('export', '--to', to, '--layout', layout)
        expect(run, to).toMatchObject({ status: 2, stderr: expect.stringContaining('are one inside the other') })
      }
    }
  })

  test('says what is missing or wrong, and creates nothing', async () => {
    const place = await filled()
    const none = join(place.folder, 'none')
    const empty = join(place.folder, 'empty')
    mkdirSync(empty)
    const fileOf = (name: string, text: string) => {
      writeFileSync(join(place.folder, name), text)
      return join(place.folder, name)
    }
    const blank = fileOf('blank.sqlite', '')
    const broken = fileOf('broken.mjs', `import 'nowhere'`)
    const nothing = fileOf('nothing.mjs', 'export const blobs = 1')
    const other = fileOf('other.mjs', 'export default () => ({})')
    const failing = fileOf('failing.mjs', `export default () => { throw new Error('the vault is locked') }`)
    const store = ['--disk', place.root, '--sqlite', place.database]
    const full = ['--sqlite', place.database]
    const cases: [args: string[], status: number, says: RegExp][] = [
      [[], 2, /Usage/],
      [['colect'], 2, /unknown command 'colect'\n\(Did you mean collect\?\)\n.*pds-blobstore help/],
      [['stats', '--bogus'], 2, /unknown option '--bogus'\n.*pds-blobstore stats --help/],
      [['scrub', '--days'], 2, /argument missing\n.*pds-blobstore scrub --help/],
      [['stats'], 2, /Where are the bytes\? Give --disk.*\n.*BLOBSTORE_DISK/],
      [['stats', '--disk', place.root], 2, /Where is the metadata\? Give --sqlite.*\n.*BLOBSTORE_SQLITE/],
      [['stats', '--disk', none, '--sqlite', place.database], 2, /no such folder\. The host creates/],
      [['stats', '--disk', place.root, '--sqlite', none], 2, /no such file\. The host creates/],
      [['stats', '--disk', place.root, '--sqlite', place.root], 2, /it is not a file/],
      [['stats', '--disk', place.root, '--s3', 'bucket', '--sqlite', place.database], 2, /expected s3:/],
      [['scrub', '--rate', 'fast'], 2, /number of bytes/],
      [['import', '--from', none, ...store], 2, /Which PDS is it\?/],
      [['import', '--from', none, '--actors', empty, ...store], 2, /no such folder/],
      [['import', '--from', empty, '--actors', empty, ...store], 1, /has none/],
      [['export', ...store], 2, /--to/],
      [['recover', '--owners', none, ...store], 2, /no such file/],
      [['stats', '--disk', empty, '--sqlite', place.database], 1, /\(StoreMismatch\)\nGive what the host has/],
      [['stats', '--disk', place.folder, ...full], 2, new RegExp(`is no blob store\\. Is it ${place.root}\\?`)],
      [['stats', '--disk', join(place.root, 'spool'), ...full], 1, /StoreMismatch/],
      [['stats', '--disk', join(place.root, 'blobs'), ...full], 2, new RegExp(`Is it ${place.root}\\?`)],
      [['stats', '--disk', '/etc', ...full], 2, /other files, and is no blob store\. Give the folder/],
      [['import', '--from', empty, '--actors', empty, '--create', '--disk', '/etc', ...full], 2, /is no blob store/],
      [['stats', '--account', 'alice', ...store], 2, /--account alice: expected a DID/],
      [['stats', '--disk', empty, '--sqlite', blank], 1, /\(MetadataOutdated\)\n.*start the host once/],
      [['stats', '--config', none], 2, /no such file\. Give the path of a module/],
      [['stats', '--config', broken], 2, /cannot be loaded: .*nowhere.*\n.*node .*broken\.mjs/],
      [['stats', '--config', nothing], 2, /it has no default export\. It must be what createBlobStore returns/],
      [['stats', '--config', other], 2, /its default export is not a store/],
      [['stats', '--config', failing], 1, /Failed: the vault is locked/],
    ]
    for (const [args, status, says] of cases) {
      const { status: was, stderr } = await cli(args)
      expect({ was, stderr }, args.join(' ')).toEqual({ was: status, stderr: expect.stringMatching(says) })
    }
  })

  test('says that an account has nothing here, which may be mistyped', async () => {
    const place = await filled()
    const nothing = 'did:plc:nobody has nothing in this store. Is it the right account, and the right store?'
    const stats = await place.cli('stats', '--account', 'did:plc:nobody')
    expect(stats).toMatchObject({ status: 3, stdout: expect.stringContaining(`! ${nothing}\n`) })
    for (const layout of ['files', 'pds']) {
      const to = join(place.folder, layout)
      const exported = await place.cli('export', '--to', to, '--layout', layout, '--account', 'did:plc:nobody')
      expect(exported).toMatchObject({ status: 3, stdout: expect.stringContaining(`! ${nothing}\n`) })
    }
    expect(await place.cli('stats', '--account', alice)).toMatchObject({ status: 0 })
  })

  // Fails without the listeners of src/cli.ts: the process dies of EPIPE, with a stack.
  test('ends quietly when its output is not read, as in `stats | true`', async () => {
    const place = new CliPlace()
    const blobs = place.store()
    await blobs.upload(alice, bytes('x'))
    await blobs.close()
    const args = ['stats', '--disk', place.root, '--sqlite', place.database]
    for (const stream of ['stdout', 'stderr'] as const) {
      const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
      onTestFinished(() => void child.kill('SIGKILL'))
      child[stream].destroy()
      const other = text(child[stream === 'stdout' ? 'stderr' : 'stdout'])
      const [status] = await once(child, 'exit')
      expect({ status, complains: (await other).includes('EPIPE') }, stream).toEqual({ status: 0, complains: false })
    }
  })

  test.runIf(process.platform === 'linux')('fails in a line when its output cannot be written', async () => {
    const place = new CliPlace()
    const blobs = place.store()
    const { ref } = await blobs.upload(alice, bytes('x'))
    await blobs.close()
    const full = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(full))
    for (const args of [['stats'], ['get', alice, `${ref}`]]) {
      const named = [...args, '--disk', place.root, '--sqlite', place.database]
      const child = spawn(process.execPath, [program, ...named], { stdio: ['ignore', full, 'pipe'], timeout: 60_000 })
      const [stderr, [status]] = await Promise.all([text(child.stderr as never), once(child, 'exit')])
      expect(stderr).toMatch(/^Failed: the output could not be written: ENOSPC.*\n$/)
      expect(status).toBe(1)
    }
  })

  test('prints its progress on stderr, and on a signal stops at a safe point', async () => {
    const place = new CliPlace()
    const blobs = place.store()
    for (let at = 0; at < 20; at++) await blobs.upload(alice, bytes(`${at}`.repeat(1000)))
    await blobs.close()
    place.clock.advance(day)
    const args = ['scrub', '--all', '--rate', '1000', '--disk', place.root, '--sqlite', place.database]
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
    onTestFinished(() => void child.kill('SIGKILL'))
    const [stdout, exit] = [text(child.stdout), once(child, 'exit')]
    const [line] = await once(child.stderr.setEncoding('utf8'), 'data')
    expect(line).toMatch(/^scrub: \d+ of 20 \(\d+%\) · .+ left · .+ · .+\/s\n$/)
    child.kill('SIGINT')
    expect(await once(child.stderr, 'data')).toEqual(['Stopping. What was done stays done.\n'])
    expect(await exit).toEqual([130, null])
    expect(await stdout).toBe('')
  })
})
