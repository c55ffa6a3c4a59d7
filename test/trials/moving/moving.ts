import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import pLimit from 'p-limit'
import type { BackendUse, BlobBackend } from '../../../src/index.ts'
import { cidOfBytes } from '../../../src/index.ts'
import { closeEntries } from '../../support/entries.ts'
import { alice, nextRev, uriOf } from '../../support/samples.ts'
import type { Control } from '../trial.ts'
import { bytesOf } from './blobs.ts'
import { diskOf, type MovingPlace, s3Of, storeAt } from './place.ts'

interface Told {
  stored?: number
  read?: number
  wrong?: number
  moved?: number
  findings?: number
  use?: BackendUse
}

/**
 * A store of many blobs moves from a disk to S3 and back, while another process reads and uploads, and both are killed
 * again and again. In the end every blob is compared byte by byte.
 *
 * Fails when migrate loses, damages or leaves something; for example with the copy stored before its row.
 */
export class Moving {
  readonly stored = new Set<number>()
  readonly seen = { reads: 0, wrong: 0, findings: 0, killed: 0, failed: 0 }
  readonly #place: MovingPlace
  readonly #kills: number
  readonly #control: Control

  constructor(place: MovingPlace, kills: number, control: Control) {
    this.#place = place
    this.#kills = kills
    this.#control = control
  }

  async fill(): Promise<void> {
    const blobs = storeAt(this.#place, 'disk')
    const limit = pLimit(8)
    const rev = nextRev()
    await limit.map(Array.from({ length: this.#place.count }), async (_nothing, number) => {
      const ref = await blobs.upload(alice, bytesOf(number))
      await blobs.applyWrites(alice, [{ action: 'update', uri: uriOf(alice, `n${number}`), record: { ref } }], { rev })
      this.stored.add(number)
    })
    await blobs.close()
    this.#control.say(`stored on the disk: ${this.stored.size}`)
  }

  async moveTo(write: 'disk' | 's3'): Promise<void> {
    const started = performance.now()
    const first = Math.max(...this.stored) + 1
    let next = first
    let over = false
    const serving = (async () => {
      while (!over) {
        const server = this.#start(write, 'serve', next)
        await Promise.race([sleep(3000 + Math.random() * 4000), once(server, 'exit')])
        if (server.exitCode !== null) this.seen.failed += 1
        await this.#kill(server)
        next = Math.max(next, ...this.stored) + 1
      }
    })()
    let use: BackendUse | undefined
    for (let attempt = 0; ; attempt++) {
      const mover = this.#start(write, 'move', 0, (told) => {
        use = told.use
      })
      if (attempt < this.#kills) await Promise.race([sleep(100 + Math.random() * 2000), once(mover, 'exit')])
      else await once(mover, 'exit')
      await this.#kill(mover)
      const isOver = use && !use.content && !use.uploads && !use.doomed
      if ((attempt >= this.#kills && isOver) || this.#control.signal.aborted) break
      if (attempt > this.#kills + 100) throw new Error(`the move does not end: ${JSON.stringify(use)}`)
      if (attempt >= this.#kills) await sleep(1000)
    }
    over = true
    await serving
    this.#control.say(
      `moved to ${write} in ${Math.round((performance.now() - started) / 1000)} s, stored meanwhile: ${next - first}`,
    )
  }

  #start(write: string, role: string, number: number, onEnd: (told: Told) => void = () => {}): ChildProcess {
    const args = [JSON.stringify(this.#place), write, role, String(number)]
    const child = fork(join(import.meta.dirname, 'child.ts'), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.on('message', (told: Told) => {
      if (told.stored !== undefined) this.stored.add(told.stored)
      if (told.read !== undefined) this.seen.reads += 1
      if (told.wrong !== undefined) this.seen.wrong += 1
      this.seen.findings += told.findings ?? 0
      if (told.use) onEnd(told)
    })
    return child
  }

  async #kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    this.seen.killed += 1
  }

  /** Compares every blob. */
  async compare(): Promise<{ lost: number; left: number }> {
    const blobs = storeAt(this.#place, 'disk')
    let lost = 0
    await pLimit(8).map([...this.stored], async (number) => {
      const expected = bytesOf(number)
      const found = await blobs
        .read(alice, cidOfBytes(expected))
        .then((reading) => reading.bytes())
        .catch(() => new Uint8Array())
      if (Buffer.compare(found, expected) !== 0) lost += 1
    })
    const database = new Database(join(this.#place.folder, 'blobs.sqlite'))
    closeEntries(database)
    database.close()
    // A dead process holds its upload until the lease is over.
    for (let round = 0; round < 30; round++) {
      const { waitingKeys } = await blobs.collect()
      const { orphans } = await blobs.sweep()
      if (round > 20 && waitingKeys === 0 && orphans === 0) break
      await sleep(1500)
    }
    const { storedCount } = await blobs.stats()
    await blobs.close()
    const left = (await keysIn(s3Of(this.#place))) + (await keysIn(diskOf(this.#place))) - storedCount
    this.#control.say(
      `acknowledged ${this.stored.size}, lost ${lost}, left over ${left}, damaged or missing while moving ${this.seen.findings}`,
    )
    this.#control.say(
      `read meanwhile ${this.seen.reads}, of which wrong ${this.seen.wrong}; processes killed ${this.seen.killed}, failed ${this.seen.failed}`,
    )
    return { lost, left }
  }
}

async function keysIn(backend: BlobBackend): Promise<number> {
  await backend.open()
  let keys = 0
  let cursor: string | undefined
  do {
    const page = await backend.list({ cursor })
    keys += page.keys.length
    cursor = page.cursor
  } while (cursor !== undefined)
  await backend.close()
  return keys
}
