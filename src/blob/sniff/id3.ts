import { marked } from './mark.ts'

/** What may follow an ID3 tag, when the tag is longer than the head. */
export const taggedTypes: readonly string[] = [
  'audio/flac',
  'audio/aac',
  'audio/ape',
  'audio/wavpack',
  'audio/x-musepack',
  'audio/x-tta',
  'audio/vnd.dolby.dd-raw',
]

/** Where the ID3v2 tags at the beginning of the file end, with the zeros after them; 0 if there are none. */
export function endOfId3(head: Uint8Array): number {
  let end = 0
  while (isTag(head, end)) {
    const [flags = 0, a = 0, b = 0, c = 0, d = 0] = head.subarray(end + 5, end + 10)
    const footer = flags & 0x10 ? 10 : 0
    end += 10 + a * 0x200000 + b * 0x4000 + c * 0x80 + d + footer
  }
  if (end > 0) while (head[end] === 0) end += 1
  return end
}

/** `ID3`, an existing version, and a length of four numbers below 128. */
function isTag(head: Uint8Array, at: number): boolean {
  const [version = 0xff, revision = 0xff, , ...size] = head.subarray(at + 3, at + 10)
  const valid = version < 0xff && revision < 0xff && size.length === 4 && size.every((byte) => byte < 0x80)
  return marked(head, 'ID3', at) && valid
}
