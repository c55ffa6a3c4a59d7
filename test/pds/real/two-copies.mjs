// A host with its own copy of SQLite that imports in its own process: node two-copies.mjs <host's copy> <file> <how>.
// Prints whether another process finds the file locked afterwards, while the host's transaction is still open.
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'

const [hosts = '', file = '', how = ''] = process.argv.slice(2)
const { default: Database } = await import(hosts)
const database = new Database(file)
database.exec(`BEGIN IMMEDIATE; INSERT INTO blob VALUES ('written', 'a/b', 1, NULL, '2024', NULL)`)
if (how === 'import') {
  const { createBlobStore, MemoryBackend, sqliteMetadata } = await import('../../../dist/index.js')
  const { DiskTree, importPds } = await import('../../../dist/import.js')
  const blobs = createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') })
  const actors = dirname(dirname(dirname(file)))
  for (const references of ['pds', 'store']) {
    const { examined } = await importPds(blobs, { tree: new DiskTree({ location: actors }), actors, references })
    if (examined !== 1) throw new Error(`It found ${examined} blobs`)
  }
  await blobs.close()
} else {
  const { default: Ours } = await import('better-sqlite3')
  const ours = new Ours(file, { readonly: true })
  ours.pragma('schema_version')
  ours.close()
}
const other = `import Database from ${JSON.stringify(hosts)}
  try { new Database(${JSON.stringify(file)}, { timeout: 0 }).exec('BEGIN IMMEDIATE'); console.log('free') }
  catch (error) { console.log(error.code) }`
const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', other], { encoding: 'utf8' })
process.stdout.write(stdout)
database.exec('COMMIT')
database.close()
