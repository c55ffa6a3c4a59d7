import { execFile } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { picture } from '../../scripts/record-cli/store.ts'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'
import { project } from '../docs/pages.ts'

// Needs the build of `npm run build`.

const run = promisify(execFile)
const page = readFileSync(join(project, 'docs/deployment.md'), 'utf8')

/** The code blocks of a section. */
const blocksOf = (heading: string): string[] => {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
}

/** Whether a program is installed. With REQUIRE_RECIPES=1, as in CI, a missing one fails the test. */
const has = (program: string): boolean =>
  process.env.REQUIRE_RECIPES === '1' ||
  (process.env.PATH ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-recipes-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test.skipIf(!has('systemd-analyze'))('systemd accepts the units', async () => {
  const units = blocksOf('systemd').filter((code) => code.startsWith('# /etc/systemd/system/'))
  expect(units).toHaveLength(3)
  const files = units.map((code) => {
    const file = join(folder, /^# \/etc\/systemd\/system\/(?<name>\S+)/.exec(code)?.groups?.name ?? '')
    // Only a program that exists is accepted.
    writeFileSync(file, code.replaceAll(/^ExecStart=\/usr\/bin\/node/gm, `ExecStart=${process.execPath}`))
    return file
  })
  const { stderr } = await run('systemd-analyze', ['verify', '--man=no', ...files])
  // It also reports other units of this machine.
  expect(stderr.split('\n').filter((line) => line.includes(folder))).toEqual([])
})

test.skipIf(!has('rclone'))('a store that rclone copied, and that was lost, is restored with every blob', async () => {
  const [copy = '', restore = ''] = blocksOf('rclone')
  const env = { DATA: join(folder, 'data'), BACKUP: join(folder, 'backup'), REMOTE: join(folder, 'cloud') }
  mkdirSync(join(folder, 'bin'))
  for (const path of [env.DATA, env.BACKUP]) mkdirSync(path)
  symlinkSync(join(project, 'dist/cli.js'), join(folder, 'bin/pds-blobstore'))
  const PATH = [join(folder, 'bin'), process.env.PATH].join(delimiter)
  const sh = (script: string) => run('sh', ['-c', script], { cwd: folder, env: { ...env, PATH, HOME: folder } })
  const open = () =>
    createBlobStore({
      janitor: false,
      backend: new DiskBackend({ root: join(env.DATA, 'blobs'), durability: 'relaxed' }),
      metadata: sqliteMetadata(join(env.DATA, 'blobs.sqlite'), { durability: 'relaxed' }),
    })

  const pictures = Array.from({ length: 5 }, (_, n) => picture(`recipe ${n}`, 10_000 + n))
  let blobs = open()
  const refs: string[] = []
  for (const bytes of pictures) refs.push(String((await blobs.upload('did:plc:alice', bytes)).ref))
  await blobs.close()
  await sh(copy)
  await sh(copy) // the next night: the marker has changed, the blobs have not
  expect(globSync('cloud/blobs/spool/**', { cwd: folder })).toEqual([])

  rmSync(env.DATA, { recursive: true })
  mkdirSync(env.DATA)
  await sh(restore)
  blobs = open()
  try {
    for (const [n, ref] of refs.entries()) {
      const blob = await blobs.read('did:plc:alice', ref, { as: 'account', verify: true })
      expect(Buffer.from(await blob.bytes()).equals(pictures[n] ?? Buffer.alloc(0))).toBe(true)
    }
  } finally {
    await blobs.close()
  }
})

test.skipIf(!has('rclone'))('rclone reports a stored blob that has changed, and keeps the good copy', async () => {
  const [copy = ''] = blocksOf('rclone')
  const line = copy.split('\n').find((command) => command.includes('--immutable')) ?? ''
  const env = { ...process.env, DATA: join(folder, 'data'), REMOTE: join(folder, 'cloud'), HOME: folder }
  mkdirSync(join(env.DATA, 'blobs'), { recursive: true })
  const file = join(env.DATA, 'blobs/one')
  writeFileSync(file, 'good')
  await run('sh', ['-c', line], { env })
  writeFileSync(file, 'rotten')
  await expect(run('sh', ['-c', line], { env })).rejects.toMatchObject({ stderr: expect.stringContaining('immutable') })
  expect(readFileSync(join(env.REMOTE, 'blobs/one'), 'utf8')).toBe('good')
})
