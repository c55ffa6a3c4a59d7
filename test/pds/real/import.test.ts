import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { killAmidst, reportOf } from '../../transfer/killing.ts'
import { ReferencePds } from '../../transfer/reference-pds.ts'
import { describeWithPds, Network, Person } from './network.ts'

// The data of a real PDS, with IMPORT_BLOBS blobs (5,000) in IMPORT_ACCOUNTS accounts (50), are imported by the command
// line, which is killed IMPORT_KILLS times (20), while the PDS continues to accept uploads; then that PDS is started
// with the store.

const { IMPORT_BLOBS = '5000', IMPORT_ACCOUNTS = '50', IMPORT_KILLS = '20' } = process.env
const [count, accounts, kills] = [Number(IMPORT_BLOBS), Number(IMPORT_ACCOUNTS), Number(IMPORT_KILLS)]

describeWithPds('the data of a real PDS', () => {
  const network = new Network()

  test('the blobs of a real PDS are imported while it serves, served byte by byte, and exported again', {
    timeout: 3_600_000,
  }, async () => {
    const dir = await network.folder()
    const own = await network.pds({ dir, attach: false })
    const people: Person[] = []
    for (let n = 0; n < accounts; n++) people.push(await new Person(own.url).signUp())
    const served: { did: string; cid: string; bytes: Buffer }[] = []
    let uploads = 0
    /** Ten blobs, eight of them in one record; of the two that remain one is taken down, one stays temporary. */
    const live = async (person: Person) => {
      const all = Array.from({ length: 10 }, () => randomBytes(50 + (uploads++ % 5000)))
      const blobs = await Promise.all(all.map((bytes) => person.upload(bytes)))
      await person.write(...blobs.slice(0, 8))
      const hidden = blobs[8]
      if (!hidden) throw new Error('There are ten')
      await person.write(hidden)
      await person.takedown(hidden, true)
      for (const [at, blob] of blobs.slice(0, 8).entries()) {
        served.push({ did: person.did, cid: blob.ref.toString(), bytes: all[at] as Buffer })
      }
    }
    while (uploads < count) await Promise.all(people.map(live))

    const blocks = join(dir, 'its-own-blobs')
    const actors = join(dir, 'actors')
    const store = ['--disk', join(dir, 'blobs'), '--sqlite', join(dir, 'blobs.sqlite')]
    const imports = ['import', '--from', blocks, '--actors', actors, '--create', ...store]
    let isBusy = true
    const busy = (async () => {
      for (let n = 0; isBusy; n++) await live(people[n % people.length] as Person)
    })()
    const rate = String(Math.ceil((count * 2500) / (kills * 2)))
    for (let kill = 1; kill <= kills; kill++)
      await killAmidst(join(dir, 'blobs', 'blobs'), [...imports, '--rate', rate])
    expect(await reportOf(imports)).toMatchObject({ findings: [] })
    isBusy = false
    await busy
    await own.close()
    expect(await reportOf(imports)).toMatchObject({ findings: [] })
    expect(await reportOf(imports)).toMatchObject({ imported: 0, findings: [], examined: uploads, present: uploads })

    const to = join(dir, 'exported')
    expect(await reportOf(['export', '--to', to, '--layout', 'pds', '--actors', actors, ...store])).toMatchObject({
      findings: [],
    })
    const tree = new ReferencePds()
    expect(tree.tree(to)).toEqual(tree.tree(blocks))

    const attached = await network.pds({ dir })
    for (const { did, cid, bytes } of served) {
      const response = await fetch(`${attached.url}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${cid}`)
      expect(response.status, `${did} ${cid}`).toBe(200)
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes), `${did} ${cid}`).toBe(true)
    }
    expect(await attached.attachment?.reconcile()).toMatchObject({ released: 0, unknown: 0, stopped: false })
  })
})
