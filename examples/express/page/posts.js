import { byId, element } from './element.js'
import { attempt, notify } from './notice.js'
import { agoText, countText } from './text.js'
import { thumbnail } from './tile.js'
import { call } from './xrpc.js'

export const collection = 'app.bsky.feed.post'

/** Writes a record that names the blobs: now everybody gets them, or with `space` those who are in it. */
export async function post(session, text, blobs, space) {
  const refs = blobs.map(({ cid, mimeType, size }) => ({ $type: 'blob', ref: { $link: cid }, mimeType, size }))
  const record = { $type: collection, text, createdAt: new Date().toISOString(), embed: embedOf(refs) }
  const [method, where] = space
    ? ['com.example.space.createRecord', { space }]
    : ['com.atproto.repo.createRecord', { repo: session.did }]
  await call(method, { auth: session.auth, body: { ...where, collection, record } })
}

function embedOf(refs) {
  const [video] = refs.filter(({ mimeType }) => mimeType.startsWith('video/'))
  if (video && refs.length > 1) throw new Error('A post has one video, or up to four pictures: choose fewer')
  if (refs.length > 4) throw new Error('A post has up to four pictures: choose fewer')
  if (video) return { $type: 'app.bsky.embed.video', video }
  return { $type: 'app.bsky.embed.images', images: refs.map((image) => ({ image, alt: '' })) }
}

/** One's posts to everybody and to friends, newest first. */
export async function showPosts(session, blobs, space, refresh) {
  const { auth, did: repo } = session
  const [open, closed] = await Promise.all([
    call('com.atproto.repo.listRecords', { params: { repo, collection } }),
    call('com.example.space.listRecords', { auth, params: { space, repo, collection } }),
  ])
  const inSpace = closed.records.map((record) => ({ ...record, space }))
  const records = [...open.records, ...inSpace].toSorted((one, other) =>
    other.value.createdAt.localeCompare(one.value.createdAt),
  )
  byId('posts').replaceChildren(...records.map((record) => postItem(record, session, blobs, refresh)))
  byId('no-posts').hidden = records.length > 0
}

function postItem({ uri, value, space }, session, blobs, refresh) {
  const refs = value.embed?.video ? [value.embed.video] : (value.embed?.images ?? []).map(({ image }) => image)
  const known = new Map(blobs.map((blob) => [blob.cid, blob]))
  const pictures = refs.flatMap(({ ref }) => known.get(ref.$link) ?? []).map((blob) => thumbnail(blob))
  const text = value.text || `${countText(refs.length, 'file')}, no text`
  const remove = element('button', { type: 'button', textContent: 'Delete', 'aria-label': `Delete the post “${text}”` })
  remove.onclick = () =>
    attempt(async () => {
      const [method, where] = space
        ? ['com.example.space.deleteRecord', { space }]
        : ['com.atproto.repo.deleteRecord', { repo: session.did }]
      await call(method, { auth: session.auth, body: { ...where, collection, rkey: uri.split('/').at(-1) } })
      const seers = space ? 'seen by your friends' : 'public'
      notify(`The post is deleted. What no other record names is no longer ${seers}`)
      byId('records-title').focus()
      await refresh()
    })
  const words = element('p', { textContent: text, className: value.text ? '' : 'quiet' })
  const when = element('time', { dateTime: value.createdAt, textContent: agoText(value.createdAt), className: 'quiet' })
  const badge = element('span', { className: 'badge friends', textContent: 'Friends' })
  return element(
    'li',
    {},
    words,
    element('div', { className: 'thumbs' }, ...pictures),
    element('div', { className: 'line' }, when, space && badge, remove),
  )
}
