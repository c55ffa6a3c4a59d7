import assert from 'node:assert/strict'
import { AtpAgent } from '@atproto/api'
import { collected } from './forgetting.ts'
import { bytesOf, gif, jpeg, mp4, png, webp } from './media.ts'
import { embedOf, refused } from './people.ts'
import { short } from './report.ts'
import { type Story, uploadOf } from './story.ts'

export async function sharing(story: Story): Promise<void> {
  const { alice, bob, report } = story
  const sunset = uploadOf(story, jpeg)
  assert.ok(sunset.post, `${jpeg.name} was not posted`)

  report.chapter('Two accounts have the same picture')
  await refused('BlobNotFound', 404, bob.readBlob(sunset.cid))
  await refused('BlobNotFound', 400, bob.post('Not mine', sunset.ref))
  report.step('bob can neither read nor post by its CID what alice has uploaded')

  const own = await bob.upload(jpeg)
  assert.equal(own.ref.toString(), sunset.cid, 'the same bytes got another CID')
  await bob.post('My sunset', own)
  report.step('bob uploads the same bytes, gets the same CID, and posts it', short(sunset.cid))

  await alice.agent.deletePost(sunset.post)
  await collected(story)
  await refused('BlobNotFound', 404, alice.readBlob(sunset.cid))
  report.step('alice deletes her post, the store collects: her picture is gone')
  assert.ok(bytesOf(jpeg).equals(await bob.readBlob(sunset.cid)), 'the picture of bob is no longer the same')
  report.step('bob still has his, byte by byte')
}

export async function changing(story: Story): Promise<void> {
  const { alice, report } = story
  const dropped = uploadOf(story, gif)
  assert.ok(dropped.post, `${gif.name} was not posted`)

  report.chapter('A record is changed')
  const [repo, collection, rkey] = dropped.post.slice('at://'.length).split('/') as [string, string, string]
  const { data } = await alice.agent.com.atproto.repo.getRecord({ repo, collection, rkey })
  const embed = embedOf([png, webp].map((media) => uploadOf(story, media).ref))
  await alice.agent.com.atproto.repo.putRecord({ repo, collection, rkey, record: { ...data.value, embed } })
  await refused('BlobNotFound', 404, alice.readBlob(dropped.cid))
  await alice.readBlob(uploadOf(story, png).cid)
  report.step(`alice removes ${gif.name} from her gallery: it is no longer served, the other two are`)
}

export async function moderating(story: Story): Promise<void> {
  const { bob, report, pds, adminPassword } = story
  const { cid } = uploadOf(story, mp4)
  const authorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`
  const { admin } = new AtpAgent({ service: pds.url }).com.atproto

  report.chapter('A moderator takes a blob down')
  await setTakedown(true)
  await refused('BlobNotFound', 404, bob.readBlob(cid))
  report.step(`${mp4.name} is no longer served`)
  report.step('and cannot be uploaded again', await refused('BlobTakenDown', 400, bob.upload(mp4)))
  await setTakedown(false)
  assert.ok(bytesOf(mp4).equals(await bob.readBlob(cid)), `${mp4.name} is returned with other bytes`)
  report.step('the takedown is reversed: it is served again')

  async function setTakedown(applied: boolean): Promise<void> {
    const subject = { $type: 'com.atproto.admin.defs#repoBlobRef' as const, did: bob.did, cid }
    await admin.updateSubjectStatus({ subject, takedown: { applied } }, { headers: { authorization } })
  }
}
