import { mimeTypeOfFileName } from '../../../src/blob/file-name.ts'
import { assertAcceptPatterns, matchesAccept, octetStream, parseMimeType } from '../../../src/blob/mime.ts'
import { effectiveMimeType, type MimePolicy } from '../../../src/blob/mime-policy.ts'
import type { Random } from '../../support/random.ts'
import { type Fuzzer, outcome, promise } from './fuzzer.ts'
import { anyText, mutateText } from './mutations.ts'

const types = [
  ...[
    'image/png',
    'image/jpeg',
    'image/jpg',
    'image/svg+xml',
    'image/*',
    '*/*',
    'text/html; charset=utf-8',
    'video/mp4',
  ],
  ...[
    'application/octet-stream',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'a/b;c="d"',
  ],
  ...['application/zip', 'application/x-msdownload', 'text/plain', `x/${'y'.repeat(127)}`, 'constructor/prototype'],
]

const tokenCharacters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/** The grammar again, by splitting. */
function parseByHand(text: string): string | null {
  if (text.length > 1024) return null
  const semicolon = text.indexOf(';')
  const [type, rest] = semicolon === -1 ? [text, ''] : [text.slice(0, semicolon), text.slice(semicolon)]
  const isControl = (c: string): boolean => (c < ' ' && c !== '\t') || (c >= '\x7f' && c < '\xa0')
  if (rest.split('').some(isControl)) return null
  const parts = type
    .replace(/^[ \t]+/, '')
    .replace(/[ \t]+$/, '')
    .split('/')
  if (parts.length !== 2) return null
  const isToken = (part: string): boolean =>
    part.length >= 1 && part.length <= 127 && part.split('').every((c) => tokenCharacters.includes(c))
  return parts.every(isToken) ? parts.join('/').toLowerCase() : null
}

const someType = (random: Random): string =>
  random.chance(0.2) ? random.pick(types) : mutateText(random, random.pick(types), types)

const mime: Fuzzer = {
  name: 'mime',
  make(random) {
    const text = someType(random)
    return {
      input: text,
      check() {
        const parsed = parseMimeType(text)
        promise(parsed === parseByHand(text), 'parsed, but not in the grammar')
        if (parsed === null) return
        promise(/^[\x21-\x7e]{3,255}$/.test(parsed), 'not fit for a header')
        promise(parseMimeType(parsed) === parsed, 'different when parsed again')
        promise(
          new Headers({ 'content-type': parsed }).get('content-type') === parsed,
          'a header spells it differently',
        )
      },
    }
  },
}

const accept: Fuzzer = {
  name: 'accept',
  make(random) {
    const type = someType(random)
    const patterns = Array.from({ length: random.below(4) }, () =>
      random.chance(0.5) ? random.pick(types) : mutateText(random, random.pick(types), types),
    )
    const fileName = mutateText(random, random.pick(['cat.jpg', 'a.tar.gz', '.png', 'x.constructor', '../../a.exe']))
    return {
      input: { type, patterns, fileName },
      check() {
        const parsed = parseMimeType(type)
        const matches = patterns
          .map((one) => one.toLowerCase())
          .some((one) => {
            if (parsed === null) return false
            return (
              one === '*/*' || one === parsed || (one.endsWith('/*') && one.slice(0, -1) === `${parsed.split('/')[0]}/`)
            )
          })
        promise(matchesAccept(type, patterns) === matches, 'matches otherwise')
        const checked = outcome(() => assertAcceptPatterns(patterns))
        promise('value' in checked || checked.code === 'InvalidArgument', 'its code')
        const named = mimeTypeOfFileName(fileName)
        promise(named === null || parseMimeType(named) === named, 'a file name gives no type')
      },
    }
  },
}

const sniffed = ['image/png', 'image/jpeg', 'image/apng', 'application/zip', 'application/x-msdownload', 'video/mp4']
const policies: readonly MimePolicy[] = ['sniffed', 'agree', 'declared']

const policy: Fuzzer = {
  name: 'policy',
  make(random) {
    const declared = random.chance(0.1) ? null : someType(random)
    const found = random.chance(0.3) ? null : random.pick(sniffed)
    const chosen = random.pick(policies)
    return {
      input: { declared, sniffed: found, policy: chosen },
      check() {
        const result = outcome(() => effectiveMimeType({ declared, sniffed: found, policy: chosen }))
        if ('code' in result) return promise(result.code === 'InvalidMimeType', 'its code')
        const type = result.value
        promise(parseMimeType(type) === type && !type.includes('*'), 'the effective type is invalid')
        if (chosen !== 'declared' && found === 'application/x-msdownload')
          promise(type === found, 'a program that hides')
        const said = declared === null ? null : parseMimeType(declared)
        if (chosen === 'declared')
          promise(type === (said?.includes('*') ? octetStream : (said ?? octetStream)), 'looked')
      },
    }
  },
}

const text: Fuzzer = {
  name: 'anything',
  make(random) {
    const value = anyText(random, 200)
    return {
      input: value,
      check() {
        promise(parseMimeType(value) === parseByHand(value), 'parsed, but not in the grammar')
        mimeTypeOfFileName(value)
      },
    }
  },
}

export const mimeTypes: readonly Fuzzer[] = [mime, accept, policy, text]
