import assert from 'node:assert/strict'
import { bytesOf, gif, jpeg, type Media, mp4, png, webp } from '../../express/demo/media.ts'
import { refused } from '../../express/demo/people.ts'
import { count, type Report, short, timed } from '../../express/demo/report.ts'
import { collectAll } from './collecting.ts'
import { migrate } from './migrating.ts'
import type { DemoNetwork } from './network.ts'
import { User } from './user.ts'

/** A life of blobs in a PDS, checked at every step. */
export async function tell(network: DemoNetwork, report: Report): Promise<void> {
  const { here, there } = network

  report.chapter('Two PDSes start')
  for (const { url, pds, attachment } of [here, there]) {
    assert.equal(pds.ctx.actorStore.resources.blobstore, attachment?.blobstore, 'the PDS reads another blob store')
    report.step(`@atproto/pds at ${url}, with this blob store instead of its own`)
  }

  report.chapter('An account uploads')
  const alice = new User('alice', network)
  const bob = new User('bob', network)
  for (const user of [alice, bob]) {
    await user.signUp(here)
    report.step(`${user.name} signs up`, user.did)
  }
  for (const media of [jpeg, png, gif, webp, mp4]) await upload(alice, media)
  for (const { ref } of alice.uploads.values()) assert.equal((await alice.get(ref)).status, 400)
  report.step('no record references them yet: none is served')

  report.chapter('Records reference them')
  await alice.post('A sunset', jpeg)
  await alice.post('A gallery', png, gif, webp)
  await alice.post('A clip', mp4)
  await same(alice)
  report.step('each is returned, byte by byte, with the type and the headers of the PDS')
  await upload(bob, jpeg)
  await bob.post('My sunset', jpeg)
  const held = await here.blobs.stats()
  assert.deepEqual([held.count, held.storedCount], [6, 5])
  report.step('bob posts the same sunset: 6 blobs of two accounts, 5 stored')

  report.chapter('A post is deleted, and written again')
  const { ref } = alice.uploadOf(jpeg)
  await alice.unpost(jpeg)
  await upload(alice, jpeg)
  await alice.post('The sunset again', jpeg)
  await here.pds.ctx.backgroundQueue.processAll()
  assert.equal((await alice.get(ref)).status, 200, 'the late deletion has deleted the live blob')
  report.step('the PDS’s late deletion does not delete the blob that is live again')
  await alice.unpost(gif)
  await here.pds.ctx.backgroundQueue.processAll()
  assert.equal((await alice.get(alice.uploadOf(gif).ref)).status, 400)
  for (const media of [png, gif, webp]) alice.uploads.delete(media)
  report.step('the gallery is deleted for good: none of its pictures is served any more')

  report.chapter('A moderator takes a blob down')
  await alice.takedown(mp4, true)
  assert.equal((await alice.get(alice.uploadOf(mp4).ref)).status, 400)
  report.step(`${mp4.name} is no longer served`)
  report.step('and cannot be uploaded again', await refused('InvalidRequest', 400, alice.upload(mp4)))
  await alice.takedown(mp4, false)
  await same(alice)
  report.step('the takedown is reversed: it is served again')

  await migrate(alice, network, report)
  await same(alice)
  report.step('and they are the same, byte by byte')

  report.chapter('Accounts are deleted')
  await alice.signOff(here)
  await bob.signOff(here)
  report.step(`alice, who has moved, and bob delete their accounts at ${here.url}`)
  const left = await collectAll(here)
  assert.deepEqual(left, { files: 0, blobs: 0, doomed: 0 }, JSON.stringify(left))
  report.step('nothing remains there: no file, no row of a blob')
  await same(alice)
  assert.equal((await there.blobs.stats()).count, alice.uploads.size)
  report.step('what alice has moved is still served')
  report.figures({ files: left.files, rows: left.blobs + left.doomed })

  async function upload(user: User, media: Media): Promise<void> {
    const { ref } = await timed(report.up, media.size, () => user.upload(media))
    report.step(
      `${user.name.padEnd(5)} uploads ${media.name.padEnd(15)} ${count(media.size).padStart(9)} bytes`,
      short(ref),
    )
  }

  async function same(user: User): Promise<void> {
    for (const [media, { ref }] of user.uploads) {
      const response = await timed(report.down, media.size, () => user.get(ref))
      assert.equal(response.status, 200, `${media.name} is answered by ${response.status}`)
      assert.equal(response.headers.get('content-type'), media.mimeType)
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
      assert.ok(
        bytesOf(media).equals(Buffer.from(await response.arrayBuffer())),
        `${media.name} is returned with other bytes`,
      )
    }
  }
}
