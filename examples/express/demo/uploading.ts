import assert from 'node:assert/strict'
import { cidOfStream } from 'pds-blobstore'
import { bigVideo, gif, jpeg, type Media, mp4, png, webm, webp } from './media.ts'
import { type Person, refused } from './people.ts'
import { count, short, timed } from './report.ts'
import { type Story, uploadOf } from './story.ts'

export async function uploading(story: Story): Promise<void> {
  const { alice, bob, report, pds } = story

  report.chapter('Two accounts upload')
  const { data: server } = await alice.agent.com.atproto.server.describeServer()
  assert.equal(server.blobUploadLimit, pds.blobs.limits.maxBlobSize, 'describeServer returns another limit')
  report.step(`a PDS at ${pds.url} accepts blobs of up to ${count(server.blobUploadLimit ?? 0)} bytes`)

  for (const person of [alice, bob]) {
    await person.signUp()
    await person.logIn()
    report.step(`${person.name} signs up and logs in`, person.did)
  }

  for (const media of [jpeg, png, gif, webp]) await upload(alice, media)
  for (const media of [mp4, webm]) await upload(bob, media)

  await upload(alice, bigVideo, ', streamed, of unknown length')

  for (const { owner, cid } of story.uploads) {
    await refused('BlobNotFound', 404, owner.readBlob(cid))
  }
  const { data: listed } = await alice.agent.com.atproto.sync.listBlobs({ did: alice.did })
  assert.deepEqual(listed.cids, [], 'blobs are listed that no record references')
  report.step('no record references them yet: none is served, none is listed')

  report.chapter('Records reference them')
  await post(alice, 'A sunset', jpeg)
  await post(alice, 'A gallery', png, gif, webp)
  await post(bob, 'A clip', mp4)
  // Bluesky's own Lexicon requires MP4 here. This PDS checks no Lexicon.
  await post(bob, 'A clip for the web', webm)
  await post(alice, 'A film', bigVideo)

  async function upload(owner: Person, media: Media, how = ''): Promise<void> {
    const sending = media === bigVideo ? () => owner.uploadStream(media) : () => owner.upload(media)
    const ref = await timed(report.up, media.size, sending)
    const cid = ref.ref.toString()
    assert.equal(ref.mimeType, media.mimeType, `${media.name} is stored as ${ref.mimeType}`)
    assert.equal(ref.size, media.size, `${media.name} is stored with ${ref.size} bytes`)
    assert.equal(cid, await cidOfStream(media.chunks()), `${media.name} got another CID than its bytes have`)
    story.uploads.push({ owner, media, ref, cid })
    const facts = `${media.name.padEnd(15)} ${count(media.size).padStart(10)} bytes  ${media.mimeType.padEnd(10)}`
    report.step(`${owner.name.padEnd(5)} uploads ${facts}`, `${short(cid)}${how}`)
  }

  async function post(owner: Person, text: string, ...media: Media[]): Promise<void> {
    const uploads = media.map((one) => uploadOf(story, one))
    const uri = await owner.post(text, ...uploads.map(({ ref }) => ref))
    for (const upload of uploads) upload.post = uri
    report.step(`${owner.name} posts “${text}” with ${media.map(({ name }) => name).join(', ')}`)
  }
}
