import { copyFileSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bundler, bundlers } from './bundlers.ts'
import { entries, HostFolder, installed, peers } from './host-folder.ts'

// Each bundler with everything in the bundle, save what has native code and what the host chose itself. The bundles run
// after the package was deleted: what they need, they contain.

const external = ['better-sqlite3', ...peers]

/** What the host that is bundled prints when all works. */
const works = {
  served: true,
  variant: 'image/webp',
  backup: 'SQLite format',
  read: 'file is not a database (SQLITE_NOTADB)',
  threads: ['blobstore-backup', 'blobstore-checkpoint'],
  warnings: [],
}

/** A host that opens an SQLite file, and prints why it fails. */
const opening = `
import { createBlobStore, MemoryBackend, sqliteMetadata } from 'pds-blobstore'
const blobs = createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') })
blobs.ready().then(() => 'opened', ({ message }) => message).then((said) => console.log(JSON.stringify(said)))
`

const importing = (entry: string) =>
  `import * as entry from '${entry}'\nconsole.log(JSON.stringify(Object.keys(entry)))`

/** What an entry exports when it is not bundled. */
const exportsOf = async (entry: string): Promise<string[]> => Object.keys(await import(entry))

const programNames = ['backup', 'checkpoint', 'images', 'reader'].map((name) => `${name}-worker.mjs`)

/** As the error says: beside the file that looks for them. */
function copyPrograms(out: string): void {
  for (const name of programNames) copyFileSync(join(import.meta.dirname, '../../dist', name), join(out, name))
}

/** A bundle and the files that it imports; not those that only a call of it imports. */
function loadedAtOnce(file: string, files = new Set<string>()): Set<string> {
  if (files.has(file)) return files
  files.add(file)
  const code = readFileSync(file, 'utf8')
  for (const [, name = ''] of code.matchAll(/(?:\bimport|\bfrom|\brequire\()\s*["'](\.\/[^"']+)["']/g)) {
    loadedAtOnce(join(file, '..', name), files)
  }
  return files
}

/** The name of an entry's bundle: a slash would make it a folder. */
const bundleOf = (entry: string): string => entry.replace('/', '-')

test('docs/toolchains.md has a row for each bundler', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/toolchains.md'), 'utf8')
  const rows = [...page.matchAll(/^\| ([^|]+) \|/gm)].map(([, name]) => name)
  expect(rows).toEqual(expect.arrayContaining(bundlers.map(({ name }) => name)))
})

describe.each(bundlers)('$name', (bundler: Bundler) => {
  const { extension } = bundler
  let host: HostFolder
  let out: string
  const run = (name: string) => host.run(join(out, `${name}.${extension}`))

  beforeAll(async () => {
    host = new HostFolder([...installed, ...peers])
    host.addCopy('other-blobstore')
    out = join(host.path, 'out')
    const programs = Object.fromEntries(
      entries.map((entry) => [bundleOf(entry), host.write(`${bundleOf(entry)}.mjs`, importing(entry))]),
    )
    programs.host = host.write('host.mjs', readFileSync(join(import.meta.dirname, 'host.mjs'), 'utf8'))
    programs.required = host.write(
      'required.cjs',
      `console.log(JSON.stringify(Object.keys(require('pds-blobstore')).filter((name) => name !== '__esModule')))`,
    )
    programs.twice = host.write(
      'twice.mjs',
      `import { isBlobStoreError } from 'pds-blobstore'
      import { BlobStoreError } from 'other-blobstore'
      const error = new BlobStoreError('BlobNotFound', 'gone')
      console.log(JSON.stringify([isBlobStoreError(error, 'BlobNotFound'), error.name]))`,
    )
    await bundler.bundle({ folder: host.path, programs, out, external })
    rmSync(join(host.path, 'node_modules/pds-blobstore'), { recursive: true })
  }, 120_000)
  afterAll(() => host[Symbol.dispose]())

  test.each(entries)('bundles %s, which exports the same', async (entry) => {
    expect((await run(bundleOf(entry))) as string[]).toEqual((await exportsOf(entry)).sort())
  })

  test('bundles require()', async () => {
    expect(((await run('required')) as string[]).sort()).toEqual((await exportsOf('pds-blobstore')).sort())
  })

  test('bundles two copies of the package, which know each other’s errors', async () => {
    expect(await run('twice')).toEqual([true, 'BlobStoreError'])
  })

  test.runIf(bundler.copiesPrograms)('bundles a host, with the programs of its threads and processes', async () => {
    expect(await run('host')).toEqual(works)
  })

  test.skipIf(bundler.copiesPrograms)('bundles a host, beside which the programs are copied', async () => {
    const missing = expect.stringMatching(/bundled without its program [a-z]+-worker\.mjs.* external .* to where .* is/)
    expect(await run('host')).toEqual({
      ...works,
      variant: missing,
      backup: missing,
      read: missing,
      threads: [],
      warnings: [missing],
    })
    copyPrograms(out)
    expect(await run('host')).toEqual(works)
  })

  test('says what to do when it bundles better-sqlite3, whose native library it leaves behind', async () => {
    host.addCopy('pds-blobstore')
    const bundled = join(host.path, 'bundled')
    const programs = { opened: host.write('opened.mjs', opening) }
    await bundler.bundle({ folder: host.path, programs, out: bundled, external: peers })
    expect(await host.run(join(bundled, `opened.${extension}`))).toMatch(
      /better-sqlite3, which cannot .* mark it as external$/,
    )
  })

  test('leaves out what is not used', async () => {
    const small = join(host.path, 'small')
    host.addCopy('pds-blobstore')
    const program = host.write(
      'small.mjs',
      `import { isBlobStoreError } from 'pds-blobstore'\nconsole.log(JSON.stringify(isBlobStoreError({})))`,
    )
    await bundler.bundle({ folder: host.path, programs: { small: program }, out: small, external })
    expect(await host.run(join(small, `small.${extension}`))).toBe(false)
    const size = [...loadedAtOnce(join(small, `small.${extension}`))].reduce(
      (sum, file) => sum + statSync(file).size,
      0,
    )
    // esbuild loads at once what code that is never called would load later, if other code has a part of it too.
    expect(size).toBeLessThan((bundler.name === 'esbuild' ? 256 : 64) * 1024)
  })
})

describe.each(bundlers)('$name, in a host that has none of the optional packages,', (bundler) => {
  // These need the AWS SDK: `register` for a store that the environment names.
  const others = entries.filter((entry) => !/\/(?:s3|register)$/.test(entry))

  test('bundles every entry but those for S3', async () => {
    using host = new HostFolder(installed.filter((name) => name !== 'better-sqlite3'))
    const all = host.write(
      'all.mjs',
      `${others.map((entry, at) => `import * as entry${at} from '${entry}'`).join('\n')}
      console.log(JSON.stringify([${others.map((_, at) => `Object.keys(entry${at}).length`)}]))`,
    )
    const opened = host.write('opened.mjs', opening)
    const out = join(host.path, 'out')
    await bundler.bundle({ folder: host.path, programs: { all, opened }, out, external: [] })
    const sizes = await Promise.all(others.map(async (entry) => (await exportsOf(entry)).length))
    expect(await host.run(join(out, `all.${bundler.extension}`))).toEqual(sizes)
    expect(await host.run(join(out, `opened.${bundler.extension}`))).toBe(
      'sqliteMetadata() needs the package better-sqlite3, which is not installed: npm install better-sqlite3',
    )
  })
})
