import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { PostgresSchema } from '../support/postgres.ts'
import { entries, HostFolder, installed, peers } from './host-folder.ts'

// A host on PostgreSQL that has left better-sqlite3 out, which is most of the package's size.

let host: HostFolder
beforeAll(() => {
  host = new HostFolder([...installed, ...peers].filter((name) => name !== 'better-sqlite3'))
})
afterAll(() => host[Symbol.dispose]())

const missing = 'needs the package better-sqlite3, which is not installed: npm install better-sqlite3'

/** As the command line loads it too. The server of the tests runs without fsync. */
const store = `
import { join } from 'node:path'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { createBlobStore, DiskBackend, kyselyMetadata } from 'pds-blobstore'

const { FOLDER, POSTGRES } = process.env
export const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool(JSON.parse(POSTGRES)) }) })
export default () => createBlobStore({
  backend: new DiskBackend({ root: join(FOLDER, 'blobs') }),
  metadata: kyselyMetadata(db, { durability: 'relaxed' }),
})
`

const postgresHost = `
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DiskTree, importPds } from 'pds-blobstore/import'
import open, { db } from './store.mjs'

const did = 'did:plc:alice'
const blobs = open()
const picture = await blobs.upload(did, Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=', 'base64'))
const write = { action: 'create', uri: 'at://did:plc:alice/com.example.post/1', record: { picture } }
await db.transaction().execute((trx) => blobs.applyWrites(did, [write], { rev: '3kyimv2x4zs2a', trx }))
const bytes = await (await blobs.read(did, picture.ref)).bytes()

const actors = join(process.env.FOLDER, 'actors')
mkdirSync(join(actors, createHash('sha256').update(did).digest('hex').slice(0, 2), did), { recursive: true })
const tree = new DiskTree({ location: join(process.env.FOLDER, 'blocks') })
const imported = await importPds(blobs, { tree, actors }).then(() => 'imported', ({ message }) => message)

await blobs.close()
await db.destroy()
console.log(JSON.stringify({ read: bytes.length, imported }))
`

async function postgres(): Promise<PostgresSchema> {
  const schema = new PostgresSchema()
  onTestFinished(() => schema.drop())
  await schema.make()
  return schema
}

describe('without better-sqlite3', () => {
  test.each(entries)('%s can be imported', async (entry) => {
    const program = host.write(
      `${entry.replace('/', '-')}.mjs`,
      `import * as entry from '${entry}'\nconsole.log(JSON.stringify(Object.keys(entry)))`,
    )
    expect(await host.run(program)).toEqual(Object.keys(await import(entry)))
  })

  test('a host on PostgreSQL uploads, references and reads, and its command line works', async () => {
    const environment = { FOLDER: host.path, POSTGRES: JSON.stringify((await postgres()).config()) }
    const config = host.write('store.mjs', store)
    expect(await host.run(host.write('postgres.mjs', postgresHost), environment)).toEqual({
      read: 29,
      // Only an import needs SQLite: it reads the databases of another PDS.
      imported: expect.stringContaining(`Reading the databases of a PDS ${missing}`),
    })
    expect(JSON.parse(await host.cli(['stats', '--config', config, '--json'], environment))).toMatchObject({
      accounts: 1,
    })
  })

  test('a store on an SQLite file does not open, and the error names the package to install', async () => {
    const program = host.write(
      'sqlite.mjs',
      `import { createBlobStore, MemoryBackend, sqliteMetadata } from 'pds-blobstore'
      const blobs = createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') })
      await blobs.ready().catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`,
    )
    expect(await host.run(program)).toEqual({ code: 'MetadataFailed', message: `sqliteMetadata() ${missing}` })
  })
})
