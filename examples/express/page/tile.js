import { element } from './element.js'
import { localName, localUrl } from './local-files.js'
import { sizeText, typeText } from './text.js'
import { blobUrl, variantUrl } from './xrpc.js'

export const nameOf = ({ cid, mimeType }) => localName(cid) ?? typeText(mimeType)

export const isVideo = ({ mimeType }) => mimeType.startsWith('video/')

/** Whether everybody may get it. */
export const isPublic = ({ referenced, takenDown }) => referenced && !takenDown

/** The state of a blob: the class and the text of its badge. */
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

/** A picture of it, if there is one: the server shows only posted blobs to everybody. */
export function thumbnail(blob) {
  if (isVideo(blob) && isPublic(blob)) {
    return element('video', { src: blobUrl(blob), preload: 'metadata', muted: true, tabIndex: -1, className: 'still' })
  }
  const local = localUrl(blob.cid)
  if (!blob.mimeType.startsWith('image/') || (!isPublic(blob) && (blob.takenDown || !local))) {
    return element('span', { className: 'glyph', textContent: typeText(blob.mimeType) })
  }
  const image = element('img', { alt: '', loading: 'lazy', decoding: 'async' })
  // What has no variant is shown as it is, if the browser knows the format.
  const sources = isPublic(blob) ? [variantUrl(blob, 'feed_thumbnail'), blobUrl(blob)] : [local]
  const showNext = () => {
    const source = sources.shift()
    if (source) image.src = source
    else image.replaceWith(element('span', { className: 'glyph', textContent: typeText(blob.mimeType) }))
  }
  image.addEventListener('error', showNext)
  showNext()
  return image
}
