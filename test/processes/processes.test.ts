import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createBlobStore, DiskBackend } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { PostgresSchema } from '../support/postgres.ts'
import { alice } from '../support/samples.ts'
import { factsIn } from './facts.ts'

// Real processes on one folder and one database. Fails when a transaction begins deferred, when the account's row is
// not written first, when the quota is checked outside its transaction, or when a busy database is not waited for.

interface Place {
  folder: string
  schema: string
}

function start(
  { folder, schema }: Place,
  role: string,
  number: number,
): { child: ChildProcess; done: Promise<unknown> } {
  const child = fork(join(import.meta.dirname, 'worker.ts'), [folder, role, String(number), schema], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const deadline = setTimeout(() => child.kill('SIGKILL'), 60_000)
  onTestFinished(() => void child.kill('SIGKILL'))
  const message = once(child, 'message')
  const done = once(child, 'exit').then(async ([code]) => {
    clearTimeout(deadline)
    if (code !== 0) throw new Error(`process ${number} (${role}) ended with ${code}`)
    return (await message)[0]
  })
  return { child, done }
}

const open = ({ folder, schema }: Place) =>
  createBlobStore({
    backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    metadata: factsIn(folder, schema),
    times: { grace: 0, deleteDelay: 0 },
  })

async function onSqlite(): Promise<Place> {
  return { folder: temporaryFolder(), schema: '' }
}

async function onPostgres(): Promise<Place> {
  const schema = new PostgresSchema()
  onTestFinished(() => schema.drop())
  await schema.make()
  return { folder: temporaryFolder(), schema: schema.name }
}

describe.each([
  { database: 'an SQLite file', make: onSqlite },
  { database: 'PostgreSQL', make: onPostgres },
])('several processes on one store in $database', ({ make }) => {
  test('that open it for the first time at once, and upload up to a quota, never exceed it', async () => {
    const place = await make()
    const workers = [1, 2, 3, 4].map((number) => start(place, 'upload', number))
    const done = (await Promise.all(workers.map((worker) => worker.done))) as { stored: number; refused: number }[]
    const sum = (name: 'stored' | 'refused') => done.reduce((all, one) => all + one[name], 0)
    const blobs = open(place)
    const { bytes, count, reserved } = await blobs.usage(alice)
    expect({ bytes, reserved }).toEqual({ bytes: 100_000, reserved: 0 })
    // Some contents are the same in one process: each costs once.
    expect(sum('stored')).toBeGreaterThanOrEqual(count)
    expect(sum('stored') + sum('refused')).toBe(800)
    expect((await blobs.scrub({ olderThan: 0 })).recounted).toEqual([])
    await blobs.close()
  }, 90_000)

  test('four that write and two that collect lose nothing and leave nothing', async () => {
    const place = await make()
    const collectors = [5, 6].map((number) => start(place, 'collect', number))
    const writers = [1, 2, 3, 4].map((number) => start(place, 'toggle', number))
    expect(await Promise.all(writers.map((writer) => writer.done))).toEqual(Array(4).fill({ missing: 0 }))
    for (const { child } of collectors) child.send('end')
    await Promise.all(collectors.map((collector) => collector.done))

    const blobs = open(place)
    await new Promise((resolve) => setTimeout(resolve, 1100))
    // A blob whose last two references were removed at once must have an expiry: the write skew of "others still
    // reference it".
    await blobs.collect({ force: true })
    await blobs.sweep({ force: true })
    await blobs.collect({ force: true })
    expect(await blobs.stats()).toMatchObject({ bytes: 0, count: 0, storedCount: 0, doomedCount: 0, pending: 0 })
    await blobs.close()
    const files = readdirSync(join(place.folder, 'blobs', 'blobs'), { recursive: true, withFileTypes: true })
    expect(files.filter((entry) => entry.isFile())).toEqual([])
  }, 90_000)
})
