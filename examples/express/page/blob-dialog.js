import { byId, element } from './element.js'
import { attempt, notify } from './notice.js'
import { sizeText } from './text.js'
import { isPublic, isVideo, nameOf, privateSourceOf, stateOf, thumbnail } from './tile.js'
import { variantsOf } from './variants.js'
import { blobUrl, call } from './xrpc.js'

/** Shows a blob as it was uploaded, what is known of it, and which records reference it. */
export async function openBlob(blob, session, refresh) {
  const dialog = byId('blob')
  const close = element('button', { type: 'button', textContent: 'Close', onclick: () => dialog.close() })
  const [className, state] = stateOf(blob)
  const title = element('h2', { id: 'blob-title', textContent: nameOf(blob) })
  const badge = element('span', { className: `badge ${className}`, textContent: state })
  const uses = element('ul', { className: 'uses' })
  dialog.replaceChildren(
    element('div', { className: 'top' }, title, badge, close),
    element('div', { className: 'stage' }, whole(blob)),
    ...variantsOf(blob),
    facts(blob),
    element('h3', { textContent: 'Records that reference it' }),
    uses,
    ...actions(blob, session, refresh),
  )
  dialog.onclose = () => dialog.replaceChildren() // stops a video
  if (!dialog.open) dialog.showModal()
  await attempt(async () => {
    const { uris } = await call('com.example.blobs.records', {
      auth: session.auth,
      params: { did: blob.did, cid: blob.cid },
    })
    uses.replaceChildren(...uris.map((uri) => element('li', { textContent: uri })))
    if (uris.length === 0) uses.append(element('li', { className: 'quiet', textContent: 'None.' }))
  })
}

function whole(blob) {
  const source = isPublic(blob) ? () => blobUrl(blob) : privateSourceOf(blob)
  if (!source || !/^(image|video)\//.test(blob.mimeType)) return thumbnail(blob)
  const shown = isVideo(blob)
    ? element('video', { controls: true, preload: 'metadata', 'aria-label': nameOf(blob) })
    : element('img', { alt: nameOf(blob) })
  attempt(async () => {
    shown.src = await source()
  })
  return shown
}

function facts(blob) {
  const rows = {
    Type: blob.mimeType,
    Size: `${sizeText(blob.size)} (${blob.size.toLocaleString('en')} bytes)`,
    Uploaded: new Date(blob.createdAt).toLocaleString(),
    Account: blob.handle ?? blob.did,
    CID: blob.cid,
  }
  const pairs = Object.entries(rows).flatMap(([name, value]) => [
    element('dt', { textContent: name }),
    element('dd', { textContent: value }),
  ])
  const link = { href: blobUrl(blob), textContent: 'The public download', download: '' }
  return element(
    'dl',
    {},
    ...pairs,
    ...(isPublic(blob) ? [element('dt', { textContent: 'Save' }), element('dd', {}, element('a', link))] : []),
  )
}

/** What a moderator may do. */
function actions(blob, session, refresh) {
  if (!session.isModerator) return []
  const act = async (applied) => {
    const subject = { $type: 'com.atproto.admin.defs#repoBlobRef', did: blob.did, cid: blob.cid }
    const body = { subject, takedown: { applied } }
    await call('com.atproto.admin.updateSubjectStatus', { auth: session.auth, body })
    byId('blob').close()
    notify(applied ? 'Taken down: it is no longer served, and cannot be uploaded again' : 'Restored')
    await refresh()
  }
  const takedown = {
    type: 'button',
    className: 'danger',
    textContent: 'Take down',
    onclick: () => attempt(() => act(true)),
  }
  const restore = {
    type: 'button',
    className: 'primary',
    textContent: 'Restore',
    onclick: () => attempt(() => act(false)),
  }
  return [element('div', { className: 'actions' }, element('button', blob.takenDown ? restore : takedown))]
}
