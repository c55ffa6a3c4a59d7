import { byId, element } from './element.js'
import { attempt, notify } from './notice.js'
import { logIn, people } from './people.js'
import { collection } from './posts.js'
import { agoText } from './text.js'
import { thumbnail } from './tile.js'
import { call } from './xrpc.js'

/** The space that a person's friends are in. */
export const friendsOf = (did) => `at://${did}/space/com.example.circle/friends`

let session
let refresh

/** Who one's friends are, and what others have shared with one. */
export async function showFriends(who, onChange) {
  const { spaces } = await call('com.example.space.list', { auth: who.auth })
  const own = friendsOf(who.did)
  const isThere = spaces.includes(own)
  const members = isThere ? await membersOf(own, who) : []
  const shared = await Promise.all(spaces.filter((space) => space !== own).map((space) => postsIn(space, who)))
  session = who
  refresh = onChange
  byId('members').replaceChildren(byId('members').firstElementChild, ...boxes(members))
  byId('delete-space').hidden = !isThere
  const posts = shared.flat().filter(({ did }) => did !== who.did)
  byId('shared-posts').replaceChildren(...posts.map(postItem))
  byId('nothing-shared').hidden = posts.length > 0
}

const membersOf = async (space, { auth }) =>
  (await call('com.example.space.getMembers', { auth, params: { space } })).members

/** None where one is in the space no longer: the list of spaces names it as long as one has records there. */
async function postsIn(space, { auth }) {
  const answer = call('com.example.space.listRecords', { auth, params: { space, collection } })
  const { records } = await answer.catch((error) => {
    if (error.code !== 'Forbidden') throw error
    return { records: [] }
  })
  return records.map((record) => ({ ...record, space }))
}

/** A box for each of the others. Their DIDs are known when they are chosen. */
function boxes(members) {
  const others = people.filter((name) => name !== session.name && name !== 'Moderator')
  const handles = new Set(members.map(({ handle }) => handle))
  return others.map((name) => {
    const box = element('input', { type: 'checkbox', value: name, checked: handles.has(`${name.toLowerCase()}.test`) })
    box.onchange = () => attempt(save)
    return element('label', {}, box, element('span', { textContent: name }))
  })
}

async function save() {
  const chosen = [...byId('members').querySelectorAll('input:checked')].map(({ value }) => value)
  const members = await Promise.all(chosen.map(async (name) => (await logIn(name)).did))
  await putMembers(session, members)
  notify(`Your friends: ${chosen.join(', ') || 'nobody'}`)
  await refresh()
}

function putMembers(who, members) {
  return call('com.example.space.putMembers', { auth: who.auth, body: { space: friendsOf(who.did), members } })
}

/** Makes the space of somebody who has chosen no friends yet. */
export async function ensureFriends(who) {
  const { spaces } = await call('com.example.space.list', { auth: who.auth })
  if (!spaces.includes(friendsOf(who.did))) await putMembers(who, [])
}

function postItem({ did, handle, space, value }) {
  const refs = value.embed?.video ? [value.embed.video] : (value.embed?.images ?? []).map(({ image }) => image)
  const blobs = refs.map(({ ref, mimeType, size }) => ({
    did,
    space,
    cid: ref.$link,
    mimeType,
    size,
    referenced: true,
  }))
  const when = element('time', { dateTime: value.createdAt, textContent: agoText(value.createdAt) })
  return element(
    'li',
    {},
    ...(value.text ? [element('p', { textContent: value.text })] : []),
    element('div', { className: 'shared' }, ...blobs.map((blob) => thumbnail(blob, `By ${handle}`))),
    element('p', { className: 'quiet' }, `${handle}, `, when),
  )
}

export function prepareFriends() {
  byId('delete-space').onclick = () =>
    attempt(async () => {
      await call('com.example.space.delete', { auth: session.auth, body: { space: friendsOf(session.did) } })
      notify('The space is deleted, and what you posted there with it')
      byId('friends-title').focus()
      await refresh()
    })
}
