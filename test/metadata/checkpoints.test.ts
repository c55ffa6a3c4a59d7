import { execFile } from 'node:child_process'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test, vi } from 'vitest'
import { CheckpointThread } from '../../src/metadata/sqlite/checkpoint-thread.ts'
import { Checkpoints } from '../../src/metadata/sqlite/checkpoints.ts'
import { threadSetting } from '../../src/metadata/sqlite/thread.ts'
import { temporaryFolder } from '../support/places.ts'

// How the log of an SQLite file is copied into the file. Fails when it is not, when writers do not wait for the rest of
// it, and when the thread outlives the store or keeps a process alive.

const long = 600
/** What writers may find left. */
const few = long / 16

function databaseWithLog() {
  const file = join(temporaryFolder(), 'blobs.sqlite')
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.exec('create table row (id integer primary key, bytes blob)')
  const checkpoints = new Checkpoints(database, { long })
  const close = async () => {
    await checkpoints.close()
    database.close()
  }
  onTestFinished(close)
  const insert = database.prepare('insert into row (bytes) values (randomblob(4000))')
  /** One transaction, of a page or two. */
  async function write(): Promise<void> {
    await checkpoints.beforeTransaction()
    insert.run()
    checkpoints.committed()
  }
  async function writeUntil(isEnough: () => boolean): Promise<void> {
    for (let count = 0; !isEnough(); count++) {
      if (count > 20 * long) throw new Error('That is enough in any case')
      await write()
      await setImmediate()
    }
  }
  function log() {
    const [row] = database.pragma('wal_checkpoint(NOOP)') as [{ log: number; checkpointed: number }]
    return { pages: row.log, rest: row.log - row.checkpointed }
  }
  return { file, database, write, writeUntil, log, close }
}

test('a long log is copied into the file without waiting for a writer', async () => {
  const { writeUntil, log } = databaseWithLog()
  await writeUntil(() => log().rest >= long)
  await vi.waitFor(() => expect(log().rest).toBe(0), 5000)
})

test('a log does not grow for ever, however busily it is written to', async () => {
  const { database, write, log } = databaseWithLog()
  database.pragma('wal_autocheckpoint = 0') // only the thread
  for (let count = 0; count < 20 * long; count++) {
    await write()
    await setImmediate()
  }
  expect(log().pages).toBeLessThan(10 * long)
  expect(database.prepare('select count(*) as count from row').get()).toEqual({ count: 20 * long })
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
})

test('a reader that stays long lets the log grow, and blocks nobody', async () => {
  const asked = vi.spyOn(CheckpointThread.prototype, 'checkpoint')
  onTestFinished(() => asked.mockRestore())
  const { file, database, writeUntil, log } = databaseWithLog()
  const reader = new Database(file)
  onTestFinished(() => void reader.close())
  await writeUntil(() => log().rest >= 10)
  reader.exec('begin')
  const seen = reader.prepare('select count(*) as count from row').get()
  // Three rounds, and one for which the writer waits.
  await writeUntil(() => asked.mock.calls.length >= 4)
  await writeUntil(() => log().pages >= long + 200)
  const [pages, calls] = [log().pages, asked.mock.calls.length]
  await writeUntil(() => log().pages >= pages + long - 200)
  expect(asked.mock.calls.length - calls).toBeLessThanOrEqual(4) // one time more, not after each transaction
  expect(reader.prepare('select count(*) as count from row').get()).toEqual(seen)
  reader.exec('commit')
  database.pragma('wal_autocheckpoint = 0')
  await writeUntil(() => log().pages < long)
})

test('a checkpoint that fails is tried again before the log is twice as long', async () => {
  const asked = vi.spyOn(CheckpointThread.prototype, 'checkpoint')
  onTestFinished(() => asked.mockRestore())
  asked.mockRejectedValueOnce(new Error('database or disk is full'))
  const { writeUntil, log } = databaseWithLog()
  await writeUntil(() => asked.mock.calls.length >= 2)
  expect(log().pages).toBeLessThan(1.5 * long)
})

test('a writer that waits for the rest of the log keeps all others from adding to it', async () => {
  const { file, writeUntil, log } = databaseWithLog()
  const other = new Database(file, { timeout: 0 })
  onTestFinished(() => void other.close())
  const { checkpoint } = CheckpointThread.prototype
  const isLocked: boolean[] = []
  const asked = vi.spyOn(CheckpointThread.prototype, 'checkpoint').mockImplementation(function (
    this: CheckpointThread,
  ) {
    isLocked.push(isBusy(() => other.exec('begin immediate; rollback')))
    return checkpoint.call(this)
  })
  onTestFinished(() => asked.mockRestore())
  await writeUntil(() => isLocked.includes(true))
  expect(log().pages).toBeLessThan(few)
  expect(isLocked.slice(0, -1)).not.toContain(true)
  expect(isBusy(() => other.exec('begin immediate; rollback'))).toBe(false)
})

test('a disk that hangs blocks a writer for at most half a second', async () => {
  const asked = vi.spyOn(CheckpointThread.prototype, 'checkpoint')
  onTestFinished(() => asked.mockRestore())
  asked.mockResolvedValueOnce().mockResolvedValueOnce().mockResolvedValueOnce()
  asked.mockReturnValueOnce(new Promise(() => {}))
  const { writeUntil } = databaseWithLog()
  await writeUntil(() => asked.mock.calls.length >= 4)
  await writeUntil(() => asked.mock.calls.length >= 5) // and is called again
})

// Otherwise COMMIT copies it, and blocks the event loop.
test('writers that are faster than the thread wait for it, and not for one that hangs', async () => {
  const { checkpoint } = CheckpointThread.prototype
  const asked = vi.spyOn(CheckpointThread.prototype, 'checkpoint')
  onTestFinished(() => asked.mockRestore())
  const { database, write, writeUntil, log } = databaseWithLog()
  database.pragma('wal_autocheckpoint = 0')
  await writeUntil(() => asked.mock.calls.length > 0) // the thread has started
  await writeUntil(() => log().rest < few)
  let longest = 0
  const writeAll = async (pages: number) => {
    for (let count = 0; count < pages; count++) {
      await write()
      if (count % 10 === 0) await setImmediate()
      longest = Math.max(longest, log().rest)
    }
  }
  asked.mockImplementation(async function (this: CheckpointThread) {
    await setTimeout(50)
    await checkpoint.call(this)
  })
  await writeAll(5 * long)
  expect(longest).toBeLessThan(2.1 * long)
  const hanging = Promise.withResolvers<void>()
  asked.mockReturnValue(hanging.promise)
  const start = performance.now()
  await writeAll(5 * long)
  expect(performance.now() - start).toBeLessThan(30_000) // it waited once, not before each of them
  hanging.resolve()
})

test('a checkpoint counts as failed while another process runs one', async () => {
  const { file, writeUntil, log } = databaseWithLog()
  const reader = new Database(file)
  onTestFinished(() => void reader.close())
  await writeUntil(() => log().rest >= 10)
  reader.exec('begin')
  reader.prepare('select count(*) from row').get()
  await writeUntil(() => log().rest >= 20)
  const thread = new CheckpointThread(threadSetting(reader))
  onTestFinished(() => thread.end())
  // It waits for the reader.
  const other = run(
    `
    import Database from 'better-sqlite3'
    new Database(process.argv[1], { timeout: 20_000 }).pragma('wal_checkpoint(RESTART)')`,
    file,
  )
  await vi.waitFor(() => expect(thread.checkpoint()).rejects.toThrow('Another connection'), 10_000)
  reader.exec('commit')
  await other
  await thread.checkpoint()
})

test('the log gives back the space that it used beyond its length', async () => {
  const { file, writeUntil, log } = databaseWithLog()
  const size = () => statSync(`${file}-wal`).size
  const reader = new Database(file)
  onTestFinished(() => void reader.close())
  await writeUntil(() => log().rest >= 10)
  reader.exec('begin')
  reader.prepare('select count(*) from row').get()
  await writeUntil(() => log().pages >= 3 * long)
  expect(size()).toBeGreaterThan(3 * long * 4096)
  reader.exec('commit')
  await writeUntil(() => size() <= 1.1 * long * 4096)
})

test('without threads, COMMIT copies the log into the file', async () => {
  const { file, database, writeUntil, log } = databaseWithLog()
  rmSync(file) // we have it open, but nobody else can open it
  const inCommit = () => database.pragma('wal_autocheckpoint', { simple: true })
  expect(inCommit()).toBe(4 * long)
  await writeUntil(() => log().rest >= long)
  await vi.waitFor(() => expect(inCommit()).toBe(1000), 5000)
  await writeUntil(() => log().pages < long)
})

test('closing ends the thread, and leaves the file alone in its folder', async () => {
  const { file, writeUntil, log, close } = databaseWithLog()
  await writeUntil(() => log().rest >= long)
  await close()
  expect(readdirSync(dirname(file))).toEqual([basename(file)])
})

test('the thread keeps no process alive', async () => {
  const program = `
    import Database from 'better-sqlite3'
    import { Checkpoints } from '${new URL('../../src/metadata/sqlite/checkpoints.ts', import.meta.url).href}'
    const database = new Database(process.argv[1])
    database.pragma('journal_mode = WAL')
    database.exec('create table row (bytes blob); insert into row values (randomblob(400000))')
    const checkpoints = new Checkpoints(database, { long: 10 })
    checkpoints.committed()
    const rest = () => database.pragma('wal_checkpoint(NOOP)')[0]
    while (rest().log > rest().checkpointed) await new Promise((resolve) => setTimeout(resolve, 5))
    console.log('taken')`
  const file = join(temporaryFolder(), 'blobs.sqlite')
  expect((await run(program, file)).stdout).toBe('taken\n')
})

function run(program: string, file: string): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program, file], {
    cwd: import.meta.dirname,
    timeout: 20_000,
  })
}

function isBusy(work: () => void): boolean {
  try {
    work()
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'SQLITE_BUSY' })
    return true
  }
}
