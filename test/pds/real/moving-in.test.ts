import { randomBytes } from 'node:crypto'
import { AtpAgent } from '@atproto/api'
import { describe, expect, test } from 'vitest'
import { collectAll, describeWithPds, Network, Person, wheres } from './network.ts'

// As clients move accounts: the repository first, then each missing blob, as */*, whatever type the old server
// returned. The target has this store; the old server has its own.

describeWithPds('an account that moves in by the official client', () => {
  describe.each(wheres)('its blobs %s', (where) => {
    const network = new Network(where)

    test('has every blob public, and none missing, after the grace period too', { timeout: 120_000 }, async () => {
      const times = { grace: 1500, deleteDelay: 0 }
      const [old, target] = [await network.pds({ attach: false }), await network.pds({ times })]
      const alice = await new Person(old.url).signUp()
      const bodies = [
        ...Array.from({ length: 20 }, (_, i) => randomBytes(i * 700)),
        Buffer.from('<!doctype html><p>hi'),
        Buffer.from('{"a":1}'),
        Buffer.from('GIF89a'),
        Buffer.concat([Buffer.from('RIFF\x24\0\0\0WAVEfmt '), Buffer.alloc(28)]),
        randomBytes(2_000_000),
      ]
      const types = ['application/octet-stream', 'text/html', '*/*', 'audio/vnd.wave', 'image/png']
      const blobs = await Promise.all(bodies.map((bytes, i) => alice.upload(bytes, types[i % types.length])))
      for (let at = 0; at < blobs.length; at += 5) await alice.write(...blobs.slice(at, at + 5))

      const moved = await moveRepository(alice, target.url)
      for (let rounds = 0; ; rounds++) {
        const { data } = await moved.com.atproto.repo.listMissingBlobs({ limit: 7 })
        if (data.blobs.length === 0) break
        expect(rounds).toBeLessThan(10)
        for (const { cid } of data.blobs) {
          // Not by the client's getBlob, which treats text/html as text.
          const bytes = await fetch(alice.urlOf(cid)).then((answer) => answer.arrayBuffer())
          await moved.com.atproto.repo.uploadBlob(new Uint8Array(bytes), { encoding: '*/*' })
        }
      }
      const expectAll = async () => {
        const status = (await moved.com.atproto.server.checkAccountStatus()).data
        expect([status.expectedBlobs, status.importedBlobs]).toEqual([bodies.length, bodies.length])
        expect((await moved.com.atproto.repo.listMissingBlobs()).data.blobs).toEqual([])
        for (const [i, blob] of blobs.entries()) {
          const url = `${target.url}/xrpc/com.atproto.sync.getBlob?did=${alice.did}&cid=${blob.ref}`
          const answer = await fetch(url, { headers: { authorization: `Bearer ${moved.session?.accessJwt}` } })
          expect(answer.status).toBe(200)
          expect(Buffer.from(await answer.arrayBuffer()).equals(bodies[i] as Buffer)).toBe(true)
        }
      }
      await expectAll()
      await new Promise((resolve) => setTimeout(resolve, 2 * times.grace))
      await collectAll(target)
      await expectAll()
      expect(await target.blobs.stats()).toMatchObject({ count: bodies.length, doomedCount: 0 })
    })
  })
})

/** An account at the target, deactivated still, with the repository of the old one. */
async function moveRepository({ agent, did, handle }: Person, url: string): Promise<AtpAgent> {
  const moved = new AtpAgent({ service: url })
  const { data: server } = await moved.com.atproto.server.describeServer()
  const lxm = 'com.atproto.server.createAccount'
  const { data: auth } = await agent.com.atproto.server.getServiceAuth({ aud: server.did, lxm })
  const account = { handle: `moved-${handle}`, email: `moved-${handle}@example.com`, password: 'password', did }
  await moved.com.atproto.server.createAccount(account, {
    headers: { authorization: `Bearer ${auth.token}` },
    encoding: 'application/json',
  })
  await moved.login({ identifier: did, password: 'password' })
  const repo = await agent.com.atproto.sync.getRepo({ did })
  await moved.com.atproto.repo.importRepo(repo.data, { encoding: 'application/vnd.ipld.car' })
  return moved
}
