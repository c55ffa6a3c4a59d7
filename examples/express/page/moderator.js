import { openBlob } from './blob-dialog.js'
import { byId, element } from './element.js'
import { attempt, notify } from './notice.js'
import { countText, shortCid, sizeText, typeText } from './text.js'
import { tile } from './tile.js'
import { call } from './xrpc.js'

let session
let shown = []

/** What everybody has. */
export async function showAll(who) {
  session = who
  const { blobs, totals } = await call('com.example.blobs.all', { auth: who.auth })
  shown = blobs.toSorted((one, other) => other.createdAt.localeCompare(one.createdAt))
  byId('everybody').replaceChildren(...shown.map((blob) => tile(blob, (one) => openBlob(one, session, refresh))))
  byId('none').hidden = shown.length > 0
  const figures = {
    Accounts: totals.accounts,
    Blobs: totals.count,
    'As accounts count': sizeText(totals.bytes),
    'Stored, each once': sizeText(totals.storedBytes),
    'Wait to be deleted': countText(totals.doomedCount, 'object'),
  }
  const cards = Object.entries(figures).map(([name, value]) =>
    element('div', {}, element('dt', { textContent: name }), element('dd', { textContent: String(value) })),
  )
  byId('totals').replaceChildren(...cards)
}

const refresh = () => showAll(session)

export function prepareModerator() {
  byId('collect').onclick = () =>
    attempt(async () => {
      await refresh()
      const before = shown
      const reports = await call('com.example.blobs.collect', { auth: session.auth, body: {} })
      await refresh()
      const left = new Set(shown.map(({ did, cid }) => `${did} ${cid}`))
      showWhatWent(
        reports,
        before.filter(({ did, cid }) => !left.has(`${did} ${cid}`)),
      )
    })
}

function showWhatWent({ collect, sweep, times }, gone) {
  const hours = times.deleteDelay / 3_600_000
  const wait = `${countText(collect.waitingKeys, 'object')} wait for the delete delay of ${hours} h`
  const summary = [
    `${countText(gone.length, 'blob')} went`,
    `${countText(collect.deletedKeys, 'object')} deleted, ${sizeText(collect.deletedBytes)}`,
    ...(collect.waitingKeys > 0 ? [wait] : []),
    `${countText(sweep.orphans, 'orphan')} found`,
  ].join(' · ')
  const lines = gone.map(({ handle, cid, mimeType, size }) =>
    element('li', { textContent: `${handle}: ${typeText(mimeType)}, ${sizeText(size)}, ${shortCid(cid)}` }),
  )
  const stopped = collect.stopped ? 'More than a tenth would have been deleted, so none was.' : ''
  byId('went').replaceChildren(
    element('p', {}, element('strong', { textContent: summary })),
    ...(stopped ? [element('p', { textContent: stopped })] : []),
    element('ul', {}, ...lines),
  )
  notify(summary)
}
