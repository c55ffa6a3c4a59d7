import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../support/places.ts'
import { alice } from '../../support/samples.ts'
import type { Intrusion } from './intrusions.ts'
import { fileIn, type Owner, storeIn } from './place.ts'

// Two copies of SQLite in one process drop each other's locks, and so does everything else that opens and closes the
// file. Then the next process that opens and closes the file deletes the log, and what is committed after that is lost.

interface End {
  acknowledged: { uri: string; cid: string }[]
  refused: string | null
  again: string | null
}

interface Host {
  child: ChildProcess
  next: () => Promise<unknown>
}

function startHost(folder: string, owner: Owner, intrusion: Intrusion, busy = ''): Host {
  mkdirSync(join(folder, 'facts'))
  const child = fork(join(import.meta.dirname, 'host.ts'), [folder, owner, intrusion, busy], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const deadline = setTimeout(() => child.kill('SIGKILL'), 50_000)
  onTestFinished(async () => {
    clearTimeout(deadline)
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const next = async () => {
    const [what] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code, signal]) => {
        throw new Error(`the host ended with ${code ?? signal}`)
      }),
    ])
    return what
  }
  return { child, next }
}

const command = (folder: string, owner: Owner) =>
  promisify(execFile)(process.execPath, [join(import.meta.dirname, 'command.ts'), folder, owner], { timeout: 30_000 })

async function endOf({ child, next }: Host): Promise<End> {
  child.send('end')
  const end = (await next()) as End
  child.disconnect()
  await once(child, 'exit')
  return end
}

/** What was acknowledged and is missing. */
async function lost(folder: string, owner: Owner, { acknowledged }: End): Promise<string[]> {
  const blobs = storeIn(folder, owner)
  const gone: string[] = []
  for (const { uri, cid } of acknowledged) {
    const uris = await blobs.recordsFor(alice, cid)
    if (!uris.includes(uri)) gone.push(uri)
  }
  await blobs.close()
  const database = new Database(fileIn(folder))
  onTestFinished(() => void database.close())
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
  return gone
}

// Each intrusion alone: test/metadata/file-guard.test.ts.
describe.each<{ owner: Owner; intrusions: Intrusion[] }>([
  { owner: 'the store', intrusions: ['backup', 'readFile', 'read of -shm'] },
  { owner: 'the host', intrusions: ['backup'] },
])('beside a store whose file is of $owner', ({ owner, intrusions }) => {
  test.each(intrusions)(
    'a %s by other code loses nothing: nothing more is written',
    async (intrusion) => {
      const folder = temporaryFolder()
      const host = startHost(folder, owner, intrusion)
      expect(await host.next()).toBe('intruded')
      await command(folder, owner)
      host.child.send('go on')
      const end = await endOf(host)
      expect(await lost(folder, owner, end)).toEqual([])
      expect(end).toMatchObject({ refused: 'MetadataUnsafe', again: 'MetadataUnsafe' })
      expect(end.acknowledged).toHaveLength(100)
    },
    60_000,
  )

  test('a backup by other code during writes loses nothing either', async () => {
    const folder = temporaryFolder()
    const host = startHost(folder, owner, 'backup', 'busy')
    expect(await host.next()).toBe('intruded')
    for (let round = 0; round < 3; round++) await command(folder, owner)
    const end = await endOf(host)
    expect(await lost(folder, owner, end)).toEqual([])
    expect(end.refused).toBe('MetadataUnsafe')
  }, 60_000)
})
