import { byId, element } from './element.js'
import { attempt, notify } from './notice.js'
import { agoText, countText } from './text.js'
import { thumbnail } from './tile.js'
import { call } from './xrpc.js'

const collection = 'app.bsky.feed.post'

/** Writes a record that references the blobs: now everybody may get them. */
export async function post(session, text, blobs) {
  const refs = blobs.map(({ cid, mimeType, size }) => ({ $type: 'blob', ref: { $link: cid }, mimeType, size }))
  const record = { $type: collection, text, createdAt: new Date().toISOString(), embed: embedOf(refs) }
  await call('com.atproto.repo.createRecord', { auth: session.auth, body: { repo: session.did, collection, record } })
}

function embedOf(refs) {
  const [video] = refs.filter(({ mimeType }) => mimeType.startsWith('video/'))
  if (video && refs.length > 1) throw new Error('A post has one video, or up to four pictures: choose fewer')
  if (refs.length > 4) throw new Error('A post has up to four pictures: choose fewer')
  if (video) return { $type: 'app.bsky.embed.video', video }
  return { $type: 'app.bsky.embed.images', images: refs.map((image) => ({ image, alt: '' })) }
}

export async function showPosts(session, blobs, refresh) {
  const { records } = await call('com.atproto.repo.listRecords', { params: { repo: session.did, collection } })
  byId('posts').replaceChildren(...records.map((record) => postItem(record, session, blobs, refresh)))
  byId('no-posts').hidden = records.length > 0
}

function postItem({ uri, value }, session, blobs, refresh) {
  const refs = value.embed?.video ? [value.embed.video] : (value.embed?.images ?? []).map(({ image }) => image)
  const known = new Map(blobs.map((blob) => [blob.cid, blob]))
  const pictures = refs.flatMap(({ ref }) => known.get(ref.$link) ?? []).map(thumbnail)
  const text = value.text || `${countText(refs.length, 'file')}, no text`
  const remove = element('button', { type: 'button', textContent: 'Delete', 'aria-label': `Delete the post “${text}”` })
  remove.onclick = () =>
    attempt(async () => {
      const body = { repo: session.did, collection, rkey: uri.split('/').at(-1) }
      await call('com.atproto.repo.deleteRecord', { auth: session.auth, body })
      notify('The post is deleted. Blobs that no other record references are no longer public')
      byId('records-title').focus()
      await refresh()
    })
  const words = element('p', { textContent: text, className: value.text ? '' : 'quiet' })
  const when = element('time', { dateTime: value.createdAt, textContent: agoText(value.createdAt), className: 'quiet' })
  return element(
    'li',
    {},
    words,
    element('div', { className: 'thumbs' }, ...pictures),
    element('div', { className: 'line' }, when, remove),
  )
}
