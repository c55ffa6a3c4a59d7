import { element } from './element.js'
import { localName, localUrl } from './local-files.js'
import { sizeText, typeText } from './text.js'
import { blobUrl } from './xrpc.js'

export const nameOf = ({ cid, mimeType }) => localName(cid) ?? typeText(mimeType)

export const isVideo = ({ mimeType }) => mimeType.startsWith('video/')

/** What becomes of a blob: the class and the word of its badge. */
export function stateOf({ referenced, takenDown }) {
  if (takenDown) return ['down', 'Taken down']
  return referenced ? ['posted', 'Posted'] : ['temporary', 'Not posted']
}

/** A blob in a list; `onOpen` is called when it is chosen. */
export function tile(blob, onOpen, ...more) {
  const [className, state] = stateOf(blob)
  const owner = blob.handle ? `${blob.handle}, ` : ''
  const open = element(
    'button',
    {
      type: 'button',
      className: 'open',
      onclick: () => onOpen(blob),
      'aria-label': `${owner}${nameOf(blob)}, ${sizeText(blob.size)}, ${state}`,
    },
    thumbnail(blob),
  )
  const caption = element(
    'div',
    { className: 'caption' },
    element('strong', { textContent: nameOf(blob) }),
    blob.handle && element('span', { className: 'quiet owner', textContent: blob.handle }),
    element('span', { className: 'quiet', textContent: sizeText(blob.size) }),
    element('span', { className: `badge ${className}`, textContent: state }),
  )
  return element('li', { className: `tile ${className}` }, open, caption, ...more)
}

/** A picture of it, where there can be one: the server shows to everybody only what is posted. */
export function thumbnail(blob) {
  const isPublic = blob.referenced && !blob.takenDown
  if (isVideo(blob) && isPublic) {
    return element('video', { src: blobUrl(blob), preload: 'metadata', muted: true, tabIndex: -1, className: 'still' })
  }
  const local = localUrl(blob.cid)
  if (!blob.mimeType.startsWith('image/') || (!isPublic && (blob.takenDown || !local))) {
    return element('span', { className: 'glyph', textContent: typeText(blob.mimeType) })
  }
  const image = element('img', { alt: '', loading: 'lazy', decoding: 'async' })
  const fallBack = () =>
    image.replaceWith(element('span', { className: 'glyph', textContent: typeText(blob.mimeType) }))
  image.addEventListener('error', fallBack, { once: true })
  image.src = isPublic ? blobUrl(blob) : local
  return image
}
