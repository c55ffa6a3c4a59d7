// The control characters that no text has (mimesniff's binary data bytes): what is left are tab, line feed, form feed,
// carriage return and escape.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const controls = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/

/**
 * Whether the first bytes of a file are text: UTF-8, or UTF-16 behind its byte order mark, without control characters.
 * A character that the end of the head cuts in two is one.
 */
export function isTextHead(head: Uint8Array): boolean {
  const encoding = encodingOf(head)
  try {
    return !controls.test(new TextDecoder(encoding, { fatal: true }).decode(head, { stream: true }))
  } catch {
    return false
  }
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}
