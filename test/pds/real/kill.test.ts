import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BlobRef } from '@atproto/api'
import { afterAll, expect, test } from 'vitest'
import { freePort } from '../../../examples/pds/free-port.ts'
import { adminPassword, describeWithPds, Network, Person, settled } from './network.ts'

const main = fileURLToPath(new URL('../../../examples/pds/main.ts', import.meta.url))
const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

interface Kept {
  person: Person
  blob: BlobRef
  bytes: Buffer
  /** Once its record was acknowledged. */
  rkey?: string
  /** After its deletion was requested: from then on both states are right. */
  erased?: boolean
}

describeWithPds('a PDS that is killed', () => {
  const network = new Network()

  test('killing a real PDS again and again loses no blob and leaves no bytes behind', {
    timeout: 300_000,
  }, async () => {
    const [dir, port, plc] = [await network.folder(), await freePort(), await network.plc()]
    const url = `http://localhost:${port}`
    const people: Person[] = []
    const kept: Kept[] = []

    for (let life = 0; life < 6; life++) {
      const child = spawn(process.execPath, [main], {
        env: {
          ...process.env,
          PDS_DIR: dir,
          PDS_PORT: String(port),
          PDS_DID_PLC_URL: plc.url,
          PDS_ADMIN_PASSWORD: adminPassword,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      children.add(child)
      const died = once(child, 'exit')
      await Promise.race([
        once(child.stdout, 'data'),
        died.then(() => Promise.reject(new Error('the PDS did not start'))),
      ])
      if (life === 0) for (let i = 0; i < 3; i++) people.push(await new Person(url).signUp())
      for (const one of kept) await verify(one)
      let alive = true
      const work = people.flatMap((person) =>
        [0, 1].map(() => live(person, () => alive && kept.length < 25 * (life + 1))),
      )
      await new Promise((resolve) => setTimeout(resolve, 1500 + Math.random() * 1500))
      child.kill('SIGKILL')
      alive = false
      await died
      children.delete(child)
      await Promise.all(work)
    }

    const last = await network.pds({ dir, port, times: { grace: 300, deleteDelay: 0 } })
    for (const one of kept) await verify(one)
    // What was uploaded and not referenced may still exist, because its grace period is long in the lives before.
    const temporary = kept.filter((one) => one.rkey === undefined && !one.erased).slice(-10)
    for (const one of temporary) {
      one.rkey = await one.person.write(one.blob)
      await verify(one)
    }
    await settled(last)
    const named = new Set<string>()
    for (const person of people) {
      const { data } = await person.agent.com.atproto.repo.listRecords({
        repo: person.did,
        collection: 'com.example.file',
        limit: 100,
      })
      expect(data.records.length).toBeLessThan(100)
      for (const { value } of data.records) {
        for (const blob of (value as { blobs: BlobRef[] }).blobs) {
          named.add(`${person.did} ${blob.ref.toString()}`)
          expect(await person.read(blob)).not.toBeNull()
        }
      }
      expect(await person.missing()).toEqual([])
    }
    expect(kept.filter((one) => one.rkey && !one.erased).length).toBeGreaterThan(20)
    // A record that was being written when the PDS died keeps its blobs for the grace period of that life: a day.
    const report = await last.attachment?.reconcile()
    expect(report).toMatchObject({ unknown: 0, stopped: false })
    const pinned = new Set<string>()
    for (const person of people) {
      for (const cid of (await last.blobs.listPublic(person.did, { limit: 1000 })).items)
        pinned.add(`${person.did} ${cid}`)
    }
    expect(pinned).toEqual(named)

    async function verify(one: Kept): Promise<void> {
      if (!one.rkey || one.erased) return
      const served = await one.person.read(one.blob)
      if (!served?.equals(one.bytes)) throw new Error(`lost: ${one.blob.ref} of ${one.person.handle}`)
    }

    /** Uploads, writes and erases until the PDS is gone. */
    async function live(person: Person, isAlive: () => boolean): Promise<void> {
      let mine: Kept[] = []
      while (isAlive()) {
        try {
          const bytes = randomBytes(Math.random() < 0.2 ? 2_000_000 : 1000)
          const one: Kept = { person, bytes, blob: await person.upload(bytes) }
          kept.push(one)
          if (Math.random() < 0.2) continue
          one.rkey = await person.write(one.blob)
          mine.push(one)
          if (Math.random() < 0.3) {
            const [gone] = mine
            mine = mine.slice(1)
            if (!gone?.rkey) continue
            gone.erased = true
            await person.erase(gone.rkey)
          }
        } catch (error) {
          if (isAlive()) throw error
        }
      }
    }
  })
})
