import { element } from './element.js'
import { sizeText } from './text.js'
import { isPublic } from './tile.js'
import { getFile, variantUrl } from './xrpc.js'

// Presets of the server, and the purpose of each.
const presets = { feed_fullsize: 'Full size', feed_thumbnail: 'Feed', banner: 'Banner', avatar: 'Avatar' }

/** The variants of a public image, each with its dimensions and size. */
export function variantsOf(blob) {
  if (!isPublic(blob) || !blob.mimeType.startsWith('image/')) return []
  const figures = Object.entries(presets).map(([preset, words]) => figureOf(blob, preset, words))
  return [element('h3', { textContent: 'Variants' }), element('div', { className: 'variants' }, ...figures)]
}

function figureOf(blob, preset, words) {
  const about = element('span', { className: 'quiet', textContent: 'being made…' })
  const caption = element('figcaption', {}, element('strong', { textContent: words }), about)
  const figure = element('figure', {}, element('div', { className: 'frame' }), caption)
  show(variantUrl(blob, preset), figure.firstChild, about, words).catch((error) => {
    about.textContent = error.message
  })
  return figure
}

async function show(address, frame, about, words) {
  const file = await getFile(address)
  const image = element('img', { alt: words, src: URL.createObjectURL(file) })
  await image.decode().finally(() => URL.revokeObjectURL(image.src))
  frame.append(image)
  about.textContent = `${image.naturalWidth} × ${image.naturalHeight}, ${sizeText(file.size)}`
}
