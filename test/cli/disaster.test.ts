import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { type BlobBackend, type BlobStore, createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'
import { project } from '../docs/pages.ts'
import type { S3Address } from '../servers/ceph.ts'
import { temporaryFolder } from '../support/places.ts'
import { S3Place, sharedBucket } from '../support/s3.ts'
import { alice, bytes, post, text } from '../support/samples.ts'
import { program, type Run, ran } from './run-cli.ts'

// Runs the commands of docs/disaster.md, unchanged but for their folders, on stores to which these things have happened.

const page = readFileSync(join(project, 'docs/disaster.md'), 'utf8')

/** The commands under a heading. */
function commandsOf(heading: string): string[] {
  const [, section = ''] = page.split(new RegExp(`^## ${heading}$`, 'm'))
  const [own = ''] = section.split(/^## /m)
  return [...own.matchAll(/^```sh\n(?<code>[\s\S]*?)^```$/gm)].map(({ groups }) => groups?.code ?? '')
}

const run: Set<string> = new Set()

class Machine {
  readonly folder: string = temporaryFolder()
  readonly at = (path: string): string => join(this.folder, path)
  /** What a record names, by CID. */
  readonly posted = new Map<string, string>()
  readonly #backend: () => BlobBackend
  readonly #env: Record<string, string>
  readonly #bucket: string

  constructor(s3?: { place: S3Place; address: S3Address }) {
    for (const name of ['srv', 'mnt/mirror', 'backup', 'bin']) mkdirSync(this.at(name), { recursive: true })
    writeFileSync(this.at('bin/pds-blobstore'), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
    chmodSync(this.at('bin/pds-blobstore'), 0o755)
    this.#backend = () => s3?.place.backend() ?? new DiskBackend({ root: this.at('srv/blobs') })
    this.#bucket = s3 ? `s3://${sharedBucket}/${s3.place.prefix}` : ''
    this.#env = s3
      ? {
          BLOBSTORE_S3_ENDPOINT: s3.address.endpoint,
          BLOBSTORE_S3_REGION: 'us-east-1',
          BLOBSTORE_S3_PATH_STYLE: 'yes',
          AWS_ACCESS_KEY_ID: s3.address.accessKeyId,
          AWS_SECRET_ACCESS_KEY: s3.address.secretAccessKey,
        }
      : {}
  }

  /** The host's store. */
  open(): BlobStore {
    const blobs = createBlobStore({
      backend: this.#backend(),
      metadata: sqliteMetadata(this.at('srv/blobs.sqlite')),
      mirror: { backend: new DiskBackend({ root: this.at('mnt/mirror'), name: 'mirror' }) },
      limits: { accept: ['*/*'] },
      janitor: false,
    })
    onTestFinished(() => blobs.close())
    return blobs
  }

  async live(...names: string[]): Promise<void> {
    const blobs = this.open()
    for (const name of names) {
      const ref = await blobs.upload(alice, bytes(name))
      await post(blobs, alice, name, ref)
      this.posted.set(String(ref.ref), name)
    }
    await blobs.mirror()
    await blobs.close()
  }

  async backUp(): Promise<void> {
    const blobs = this.open()
    await blobs.backup(this.at('backup/blobs.sqlite'))
    await blobs.close()
    cpSync(this.at('srv/blobs'), this.at('backup/blobs'), { recursive: true })
  }

  loseDatabase(): void {
    for (const name of readdirSync(this.at('srv'))) if (name.startsWith('blobs.sqlite')) rmSync(this.at(`srv/${name}`))
    const owners = [...this.posted.keys()].map((cid) => `${cid} ${alice} text/plain\n`)
    writeFileSync(this.at('srv/owners.txt'), owners.join(''))
  }

  loseDisk(): void {
    rmSync(this.at('srv/blobs'), { recursive: true })
  }

  /** Runs the commands as a shell does. */
  async run(commands: string, env: Record<string, string> = {}): Promise<Run> {
    run.add(commands)
    const script = commands
      .replaceAll(/(?<= )\/(?=srv|mnt|backup)/g, `${this.folder}/`)
      .replaceAll('s3://pds-blobs', this.#bucket)
    const path = [this.at('bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(':')
    return ran('/bin/sh', ['-ec', script], { ...this.#env, ...env, PATH: path })
  }

  /** All that was posted is served from the backend alone. */
  async expectWhole(as: 'public' | 'account' = 'public'): Promise<void> {
    rmSync(this.at('mnt/mirror'), { recursive: true, force: true })
    const blobs = this.open()
    expect(this.posted.size).toBeGreaterThan(1)
    for (const [cid, name] of this.posted) {
      expect(await text((await blobs.read(alice, cid, { as, verify: true })).body)).toBe(name)
    }
  }
}

const onlyCommands = (heading: string): string => {
  const [commands, ...others] = commandsOf(heading)
  if (commands === undefined || others.length > 0) throw new Error(`${heading}: expected one block of commands`)
  return commands
}

describe('docs/disaster.md', () => {
  test('the disk is lost', async () => {
    const [fromMirror = '', fromBackup = ''] = commandsOf('The disk is lost')
    const machine = new Machine()
    await machine.live('one', 'two')
    machine.loseDisk()
    expect(await machine.run(fromMirror)).toMatchObject({ status: 0 })
    await machine.expectWhole()

    const other = new Machine()
    await other.live('one', 'two')
    await other.backUp()
    other.loseDisk()
    expect(await other.run(fromBackup)).toMatchObject({ status: 0 })
    await other.expectWhole()
  })

  test('the disk damages bytes', async () => {
    for (const commands of commandsOf('The disk damages bytes')) {
      const machine = new Machine()
      await machine.live('one', 'two')
      await machine.backUp()
      const files = readdirSync(machine.at('srv/blobs/blobs'), { recursive: true, withFileTypes: true })
      for (const file of files) if (file.isFile()) writeFileSync(join(file.parentPath, file.name), 'rot')
      const { status, stdout } = await machine.run(commands)
      expect(stdout).toMatch(/repaired +2\n/)
      expect(status).toBe(3)
      await machine.expectWhole()
    }
  })

  test('the database is lost', async () => {
    const machine = new Machine()
    await machine.live('before the backup')
    await machine.backUp()
    await machine.live('after it')
    machine.loseDatabase()
    const recovered = await machine.run(onlyCommands('The database is lost'))
    expect(recovered).toMatchObject({ status: 0, stdout: expect.stringMatching(/blobs given back +1\n/) })
    await machine.expectWhole('account')
  })

  test('recover says which owned blobs it could not bring back, and exits with 3', async () => {
    const machine = new Machine()
    await machine.live('before the backup')
    await machine.backUp()
    await machine.live('damaged', 'missing')
    const [, damaged = '', missing = ''] = machine.posted.keys()
    machine.loseDatabase()
    machine.loseDisk()
    const mirror = machine.at('mnt/mirror/blobs')
    for (const name of readdirSync(mirror, { recursive: true, encoding: 'utf8' })) {
      if (name.includes(damaged)) writeFileSync(join(mirror, name), 'rotten!')
      if (name.includes(missing)) rmSync(join(mirror, name))
    }
    const { status, stdout } = await machine.run(onlyCommands('Both are lost'))
    for (const cid of [damaged, missing]) {
      expect(stdout).toContain(`${cid}: has an owner, and no good bytes of it were found`)
    }
    expect(stdout).toMatch(/forgotten, and damaged +1\n/)
    expect(status).toBe(3)
  })

  test('both are lost', async () => {
    const machine = new Machine()
    await machine.live('before the backup')
    await machine.backUp()
    await machine.live('after it', 'and this')
    machine.loseDatabase()
    machine.loseDisk()
    const recovered = await machine.run(onlyCommands('Both are lost'))
    expect(recovered.stdout).toMatch(/brought back +1\n[\s\S]*blobs given back +2\n/)
    expect(recovered.status).toBe(0)
    await machine.expectWhole('account')
  })

  test('both are lost, and the backup is from before the mirror was begun anew', async () => {
    const machine = new Machine()
    await machine.live('before the backup')
    await machine.backUp()
    rmSync(machine.at('mnt/mirror'), { recursive: true })
    const [begin = ''] = commandsOf('The mirror is lost')
    expect(await machine.run(begin.replaceAll('new-mirror', 'mirror'))).toMatchObject({ status: 0 })
    await machine.live('after it')
    machine.loseDatabase()
    machine.loseDisk()
    const { stdout } = await machine.run(onlyCommands('Both are lost'))
    expect(stdout).toMatch(/brought back +1\n[\s\S]*blobs given back +1\n/)
    await machine.expectWhole('account')
  })

  test('both are old: nothing is deleted until recover, which finds the rest in the mirror', async () => {
    const machine = new Machine()
    await machine.live('before the backup')
    await machine.backUp()
    await machine.live('after it')
    machine.loseDatabase()
    machine.loseDisk()
    cpSync(machine.at('backup/blobs'), machine.at('srv/blobs'), { recursive: true })
    cpSync(machine.at('backup/blobs.sqlite'), machine.at('srv/blobs.sqlite'))
    const blobs = machine.open()
    await blobs.mirror({ compare: true })
    await expect(blobs.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
    await blobs.close()
    expect(await machine.run(onlyCommands('Both are lost'))).toMatchObject({ status: 0 })
    await machine.expectWhole('account')
  })

  test('everything was deleted', async () => {
    const machine = new Machine()
    await machine.live('one', 'two')
    await machine.backUp()
    const blobs = machine.open()
    await blobs.deleteAccount(alice)
    await blobs.close()
    // As collected when the delete delay is over.
    const disk = new DiskBackend({ root: machine.at('srv/blobs') })
    await disk.open()
    await disk.delete((await disk.list()).keys)
    await disk.close()
    machine.loseDatabase()
    expect(await machine.run(onlyCommands('Both are lost'))).toMatchObject({ status: 0 })
    await machine.expectWhole()
  })

  test('the mirror is lost', async () => {
    const machine = new Machine()
    await machine.live('one', 'two')
    rmSync(machine.at('mnt/mirror'), { recursive: true })
    const [begin = '', giveUp = ''] = commandsOf('The mirror is lost')
    const begun = await machine.run(begin)
    expect(begun).toMatchObject({ status: 0, stdout: expect.stringMatching(/^copied +2$/m) })
    expect(await machine.run(giveUp)).toMatchObject({ status: 0 })
    const another = await machine.run(begin.replaceAll('new-mirror', 'other-mirror').replace('--new ', ''))
    expect(another).toMatchObject({ status: 0, stdout: expect.stringMatching(/^copied +2$/m) })
    await machine.expectWhole()
  })

  const address = inject('s3')

  function inBucket(): { machine: Machine; place: S3Place } {
    const place = new S3Place(address as S3Address)
    onTestFinished(() => place.remove())
    return { machine: new Machine({ place, address: address as S3Address }), place }
  }

  test.runIf(address)('the bucket is emptied', async () => {
    const { machine, place } = inBucket()
    await machine.live('one', 'two')
    const bucket = place.backend()
    await bucket.open()
    await bucket.delete((await bucket.list()).keys)
    await bucket.close()
    expect(await machine.run(onlyCommands('The bucket is emptied'))).toMatchObject({ status: 0 })
    await machine.expectWhole()
  })

  test.runIf(address)('the bucket refuses its credentials', async () => {
    const { machine } = inBucket()
    await machine.live('one', 'two')
    const commands = onlyCommands('The bucket refuses its credentials')
    const refused = await machine.run(commands, { AWS_SECRET_ACCESS_KEY: 'rotated' })
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('StorageFailed') })
    expect(await machine.run(commands)).toMatchObject({ status: 0 })
    await machine.expectWhole()
  })

  test.runIf(address)('has no command that is not run', () => {
    const all = [...page.matchAll(/^```sh\n(?<code>[\s\S]*?)^```$/gm)].map(({ groups }) => groups?.code ?? '')
    expect(all.length).toBeGreaterThan(7)
    expect(all.filter((commands) => !run.has(commands))).toEqual([])
  })
})
