import type { Random } from '../../support/random.ts'

/** Characters that end lines, headers, paths, strings or numbers, or that change into others with their case. */
const odd: readonly string[] = [
  ...'\0\n\r\t\v\f "\'%/\\;,:=*+-_.#?&<>[]{}()~^`|!$@09afAFxX',
  ...[
    '\r\n',
    '..',
    '../',
    '%00',
    '\x1b[31m',
    '\x7f',
    '\x80',
    '\x85',
    '\x9b',
    '\xa0',
    '\xff',
    '\u0660',
    '\u0130',
    '\u017f',
  ],
  ...[
    '\u212a',
    '\u2028',
    '\u2029',
    '\u202e',
    '\ufeff',
    '\uff0f',
    '\ud800',
    '\udfff',
    '\u{1f600}',
    '__proto__',
    'toString',
  ],
]

const longest = 100_000

/** The text after one to five changes. One in 300 becomes up to 100,000 characters long. */
export function mutateText(random: Random, text: string, others: readonly string[] = []): string {
  let result = text
  for (let count = 1 + random.below(5); count > 0; count--) result = changeText(random, result, others)
  return random.chance(1 / 300) ? stretch(random, result) : result
}

function changeText(random: Random, text: string, others: readonly string[]): string {
  const at = random.below(text.length + 1)
  const end = Math.min(text.length, at + 1 + random.below(8))
  const [head, middle, tail] = [text.slice(0, at), text.slice(at, end), text.slice(end)]
  switch (random.below(9)) {
    case 0:
      return head + random.pick(odd) + text.slice(at)
    case 1:
      return head + random.pick(odd) + text.slice(at + 1)
    case 2:
      return head + text.slice(at + 1)
    case 3:
      return head + tail
    case 4:
      return head + middle + middle + tail
    case 5:
      return head + (random.chance(0.5) ? middle.toUpperCase() : middle.toLowerCase()) + tail
    case 6:
      return head + String.fromCharCode(random.below(random.chance(0.8) ? 128 : 65_536)) + text.slice(at + 1)
    case 7:
      return head + (others.length > 0 ? random.pick(others).slice(random.below(4)) : tail)
    default:
      return random.chance(0.5) ? ` ${text}` : text + random.pick(odd)
  }
}

/** A part of the text repeated so often that backtracking would not end. */
function stretch(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  const part = text.slice(at, at + 1 + random.below(6)) || random.pick(odd)
  const times = Math.floor(random.below(longest) / part.length)
  return text.slice(0, at) + part.repeat(times) + text.slice(at)
}

/** A text of any characters. */
export function anyText(random: Random, most = 40): string {
  let text = ''
  for (let length = random.below(most); length > 0; length--) {
    text += random.chance(0.4) ? random.pick(odd) : String.fromCharCode(32 + random.below(95))
  }
  return text
}

/** The bytes after one to twelve changes. */
export function mutateBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let result = Uint8Array.from(bytes)
  for (let count = 1 + random.below(12); count > 0; count--) result = changeBytes(random, result)
  return result
}

const edges = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x18, 0x3b, 0x5b, 0x9b, 0xbb, 0xd8]

function changeBytes(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // The first bytes decide most.
  const at = random.below(random.chance(0.7) ? Math.min(bytes.length, 200) : bytes.length) || 0
  const next = Uint8Array.from(bytes)
  switch (random.below(6)) {
    case 0:
      next[at] = random.below(256)
      return next
    case 1:
      next[at] = random.pick(edges)
      return next
    case 2:
      return next.fill(random.pick(edges), at, at + 1 + random.below(16))
    case 3:
      return Uint8Array.from([...next.subarray(0, at), ...random.bytes(1 + random.below(8)), ...next.subarray(at)])
    case 4:
      return Uint8Array.from([...next.subarray(0, at), ...next.subarray(at + 1 + random.below(8))])
    default:
      return random.chance(0.2) ? next.slice(0, at + 1) : next.copyWithin(at, random.below(next.length || 1))
  }
}
