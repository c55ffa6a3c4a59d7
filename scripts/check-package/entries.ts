import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { importsOf, packageOf } from '../../test/package/imports.ts'
import { assertNone, type Check, entries, manifest, run, type Workshop } from './workshop.ts'

/** The oldest that works with SQLite, and those in use. */
const versions = ['22.14', '22', '24', '26']

// The package `node` names one package for each system; its install script fetches one of them.
const nodePackage = `node-${process.platform === 'darwin' ? 'bin-' : ''}${process.platform}-${process.arch}`

/** The tarball alone, and beside it each Node. */
async function installed(workshop: Workshop): Promise<{ folder: string; nodeOf: (version: string) => string }> {
  const [host, nodes] = await Promise.all([
    workshop.install('host', { [manifest.name]: 'file:' }),
    workshop.install('nodes', Object.fromEntries(versions.map((v) => [`node-${v}`, `npm:${nodePackage}@${v}`]))),
  ])
  return { folder: host, nodeOf: (version) => join(nodes, 'node_modules', `node-${version}`, 'bin/node') }
}

// `register` exports nothing, and is for processes with a PDS: test/pds/real/distribution.test.ts.
const imported = entries.filter((entry) => !entry.endsWith('/register'))

const program = `
import assert from 'node:assert/strict'
const optional = new Map([['pds-blobstore/s3', '@aws-sdk/client-s3']])
for (const entry of ${JSON.stringify(imported)}) {
  const missing = optional.get(entry)
  if (missing === undefined) assert.notEqual(Object.keys(await import(entry)).length, 0, entry)
  else await assert.rejects(import(entry), new RegExp(missing))
}
const { createBlobStore, DiskBackend, sqliteMetadata } = await import('pds-blobstore')
const blobs = createBlobStore({
  backend: new DiskBackend({ root: process.argv[2] + '/blobs' }),
  metadata: sqliteMetadata(process.argv[2] + '/blobs.sqlite'),
})
const gif = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=', 'base64')
let thread = null
process.on('worker', (worker) => {
  thread = worker
  worker.on('error', (error) => { throw error })
})
const { ref } = await blobs.upload('did:plc:alice', gif)
const blob = await blobs.read('did:plc:alice', ref, { as: 'account' })
assert.deepEqual(Buffer.from(await blob.bytes()), gif)
// Until the log is long. Without its program the thread would never be missed, only slow.
for (let n = 0; n < 2000 && thread === null; n++) {
  await blobs.upload('did:plc:alice', Buffer.concat([gif, Buffer.from(String(n))]))
}
assert(thread, 'No thread takes the log of SQLite into the file')
await blobs.close()
assert.equal(thread.threadId, -1, 'The thread outlives the store')
console.log(process.version)
`

// For CommonJS hosts: requires an ES module, which Node supports since 22.12.
const commonJs = `
for (const entry of ${JSON.stringify(imported)}) if (!entry.endsWith('/s3')) require(entry)
`

/** Options that need a package which is not installed here. */
const unusable = (data: string): Record<string, readonly string[]> => ({
  '@aws-sdk/client-s3': ['--s3', 's3://bucket', '--sqlite', `${data}/blobs.sqlite`],
  pg: ['--disk', `${data}/blobs`, '--postgres', 'postgres://localhost/pds'],
})

export const runs: Check = {
  name: 'every entry loads, a blob is stored and read, and the thread for the log starts, on each Node',
  async run(workshop) {
    const { folder, nodeOf } = await installed(workshop)
    writeFileSync(join(folder, 'program.mjs'), program)
    writeFileSync(join(folder, 'program.cjs'), commonJs)
    for (const file of ['suite.mjs', 'node.test.mjs'])
      cpSync(join(import.meta.dirname, 'runners', file), join(folder, file))
    const cli = join(folder, 'node_modules', manifest.name, 'dist/cli.js')
    const ran = versions.map(async (version) => {
      const node = nodeOf(version)
      const found = await run(node, ['program.mjs', join(folder, `data-${version}`)], folder)
      await run(node, ['program.cjs'], folder)
      await run(node, ['--test', 'node.test.mjs'], folder, { RAN: join(folder, `ran-${version}`) })
      const help = await run(node, [cli, '--help'], folder)
      for (const [name, args] of Object.entries(unusable(`data-${version}`))) {
        const said = await run(node, [cli, 'check', ...args], folder).then(String, String)
        if (!said.includes(`needs the package ${name}, which is not installed: npm install ${name}`))
          throw new Error(said)
      }
      if (!help.includes('collect')) throw new Error(`The command line is silent on Node ${version}`)
      return found.trim()
    })
    return (await Promise.all(ran)).join(', ')
  },
}

export const coreImports: Check = {
  name: 'the core loads only what it depends on, and nothing optional',
  async run({ folder }) {
    const core = join(folder, 'host/node_modules', manifest.name, 'dist/index.js')
    const { atOnce, later } = importsOf(core)
    const known = { ...manifest.dependencies, ...manifest.optionalDependencies }
    const packages = [...new Set([...atOnce, ...later].filter((name) => !name.startsWith('node:')).map(packageOf))]
    assertNone(
      'Not among the dependencies',
      packages.filter((name) => !(name in known)),
    )
    if (atOnce.has('better-sqlite3')) throw new Error('SQLite is loaded before it is needed')
    return packages.sort().join(', ')
  },
}
