import { openBlob } from './blob-dialog.js'
import { byId, element } from './element.js'
import { ensureFriends, friendsOf, showFriends } from './friends.js'
import { attempt, notify } from './notice.js'
import { post, showPosts } from './posts.js'
import { acceptText, countText, sizeText } from './text.js'
import { nameOf, tile } from './tile.js'
import { upload } from './uploads.js'
import { call } from './xrpc.js'

let session
let temporary = []
const unchecked = new Set()

/** What an account has, and how much of its quota. */
export async function showOwn(who) {
  session = who
  const { blobs, usage, limits } = await call('com.example.blobs.mine', { auth: who.auth })
  await showPosts(who, blobs, friendsOf(who.did), refresh)
  await showFriends(who, refresh)
  if (session !== who) return // another person was chosen meanwhile
  showUsage(usage, limits)
  temporary = blobs.filter((blob) => !blob.referenced && !blob.takenDown)
  const others = blobs.filter((blob) => blob.referenced || blob.takenDown)
  byId('temporary').replaceChildren(...temporary.map((blob) => tile(blob, open, checkbox(blob))))
  byId('permanent').replaceChildren(...others.map((blob) => tile(blob, open)))
  byId('compose').hidden = temporary.length === 0
  byId('nothing').hidden = others.length > 0
}

const refresh = () => showOwn(session)
const open = (blob) => openBlob(blob, session, refresh)

function checkbox(blob) {
  const box = element('input', {
    type: 'checkbox',
    checked: !unchecked.has(blob.cid),
    'aria-label': `Post ${nameOf(blob)}`,
  })
  box.onchange = () => (box.checked ? unchecked.delete(blob.cid) : unchecked.add(blob.cid))
  return box
}

function showUsage({ bytes, count, reserved, pending }, { quota, maxBlobSize, accept }) {
  const meter = byId('usage')
  const used = bytes + reserved
  meter.max = quota.bytes ?? Math.max(used, 1)
  meter.high = meter.max * 0.9
  meter.value = used
  const of = quota.bytes === undefined ? '' : ` of ${sizeText(quota.bytes)}`
  const blobs = quota.blobs === undefined ? countText(count, 'blob') : `${count} of ${countText(quota.blobs, 'blob')}`
  const waiting = pending > 0 ? `; ${sizeText(pending)} wait to be deleted` : ''
  byId('usage-text').textContent = `${sizeText(used)}${of}, ${blobs}${waiting}`
  byId('limits').textContent = `Up to ${sizeText(maxBlobSize)} each: ${acceptText(accept)}`
}

export function prepareOwn() {
  const [drop, files] = [byId('drop'), byId('files')]
  const take = (list) => upload([...list], session, () => attempt(refresh))

  byId('choose').onclick = () => files.click()
  files.onchange = () => {
    take(files.files)
    files.value = '' // so that the same file can be chosen again
  }
  // The whole window accepts files: a file dropped elsewhere would replace the page.
  window.addEventListener('dragover', (event) => {
    event.preventDefault()
    drop.classList.toggle('over', session !== undefined)
  })
  window.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) drop.classList.remove('over')
  })
  window.addEventListener('drop', (event) => {
    event.preventDefault()
    drop.classList.remove('over')
    if (!byId('own').hidden) take(event.dataTransfer.files)
  })

  byId('post').onsubmit = (event) => {
    event.preventDefault()
    attempt(async () => {
      const chosen = temporary.filter(({ cid }) => !unchecked.has(cid))
      if (chosen.length === 0) throw new Error('Choose at least one picture or video to post')
      const toFriends = byId('to-friends').checked
      if (toFriends) await ensureFriends(session)
      await post(session, byId('text').value.trim(), chosen, toFriends ? friendsOf(session.did) : undefined)
      byId('text').value = ''
      byId('gallery-title').focus()
      notify(`Posted: now ${toFriends ? 'your friends' : 'everybody'} can see it`)
      await refresh()
    })
  }
}
