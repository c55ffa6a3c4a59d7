import { element } from './element.js'
import { localName, localUrl } from './local-files.js'
import { privateUrl } from './private-files.js'
import { sizeText, typeText } from './text.js'
import { blobUrl, previewUrl, spaceBlobUrl, spaceVariantUrl, variantUrl } from './xrpc.js'

export const nameOf = ({ cid, mimeType }) => localName(cid) ?? typeText(mimeType)

export const isVideo = ({ mimeType }) => mimeType.startsWith('video/')

/** Whether everybody may get it. */
export const isPublic = (blob) => blob.isPublic === true

/** What becomes of a blob: the class and the word of its badge. */
export function stateOf({ referenced, takenDown, isPublic }) {
  if (takenDown) return ['down', 'Taken down']
  if (isPublic) return ['posted', 'Posted']
  return referenced ? ['friends', 'For friends'] : ['temporary', 'Not posted']
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

/**
 * A picture of it, where there can be one: of what is public, of one's own and of what others show to one in a space. Moderators
 * see no more than everybody.
 */
export function thumbnail(blob, alt = '') {
  if (isVideo(blob) && isPublic(blob)) {
    return element('video', { src: blobUrl(blob), preload: 'metadata', muted: true, tabIndex: -1, className: 'still' })
  }
  const glyph = element('span', { className: 'glyph', textContent: typeText(blob.mimeType) })
  if (!blob.mimeType.startsWith('image/')) return glyph
  const image = element('img', { alt, loading: 'lazy', decoding: 'async' })
  const sources = sourcesOf(blob)
  const showNext = async () => {
    const source = sources.shift()
    if (source === undefined) return image.replaceWith(glyph)
    try {
      image.src = await source()
    } catch {
      await showNext()
    }
  }
  if (sources.length === 0) return glyph
  image.addEventListener('error', showNext)
  showNext()
  return image
}

/** Where the picture is to be had, the smallest first. What cannot be made smaller is shown as it is. */
function sourcesOf(blob) {
  if (isPublic(blob)) return [() => variantUrl(blob, 'feed_thumbnail'), () => blobUrl(blob)]
  const source = privateSourceOf(blob)
  if (source === undefined) return []
  return blob.space ? [() => privateUrl(spaceVariantUrl(blob, 'feed_thumbnail')), source] : [source]
}

/** Gives an address of what is not public, as it was uploaded. Undefined for what this person may not see. */
export function privateSourceOf(blob) {
  const local = localUrl(blob.cid)
  if (blob.takenDown) return undefined
  if (blob.space) return () => privateUrl(spaceBlobUrl(blob))
  if (blob.handle) return undefined // in the list of everybody's
  return local ? () => local : () => privateUrl(previewUrl(blob))
}
