// Numbers and types in words.

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

export function sizeText(bytes) {
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

export function timeText(seconds) {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`
}

export function countText(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`
}

/** `image/jpeg` → JPEG image */
export function typeText(mimeType) {
  if (mimeType === 'video/quicktime') return 'QuickTime video'
  const [top, sub = ''] = mimeType.split('/')
  const name = sub
    .replace(/^x-|\+xml$/g, '')
    .toUpperCase()
    .replace(/^WEB/, 'Web')
  return ['image', 'video', 'audio'].includes(top) ? `${name} ${top}` : mimeType
}

/** What is accepted: `image/*` → every image */
export const acceptText = (patterns) => patterns.map(patternText).join(', ')

function patternText(pattern) {
  if (pattern === '*/*') return 'any type'
  return pattern.endsWith('/*') ? `every ${pattern.slice(0, -2)}` : typeText(pattern).replace(/ \w+$/, '')
}

export const shortCid = (cid) => `${cid.slice(0, 7)}…${cid.slice(-6)}`

export function agoText(date) {
  const minutes = Math.round((Date.now() - new Date(date)) / 60_000)
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
  if (minutes < 1) return 'just now'
  if (minutes < 60) return words.format(-minutes, 'minute')
  if (minutes < 36 * 60) return words.format(-Math.round(minutes / 60), 'hour')
  return words.format(-Math.round(minutes / 1440), 'day')
}
