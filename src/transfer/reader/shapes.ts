import { type Kind, pageSize } from './questions.ts'

// The answers of the reading process are not trusted, because a file that it reads may have taken it over. So each
// answer's shape is checked, and that pages end.

type Test = (value: unknown) => boolean

/** No answer contains a longer text: longer ones in a file become null. */
const longest = 8192

const isText: Test = (value) => typeof value === 'string' && value.length <= longest
const isTextOrNull: Test = (value) => value === null || isText(value)
const isNumberOrNull: Test = (value) => value === null || typeof value === 'number'
const isFlag: Test = (value) => typeof value === 'boolean'
const isCount: Test = (value) => Number.isSafeInteger(value) && Number(value) >= 0
const isTexts: Test = (value) => Array.isArray(value) && value.every(isText)

function isObject(fields: Readonly<Record<string, Test>>): Test {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    return Object.entries(fields).every(([name, test]) => test((value as Record<string, unknown>)[name]))
  }
}

const isNext: Test = (value) => value === null || (typeof value === 'string' && /^-?[0-9]{1,20}$/.test(value))

function isPage(isRow: Test): Test {
  const isRows: Test = (value) => Array.isArray(value) && value.length <= pageSize && value.every(isRow)
  return isObject({ rows: isRows, next: isNext })
}

const isBlobRow = isObject({
  at: isText,
  cid: isTextOrNull,
  mimeType: isTextOrNull,
  size: isNumberOrNull,
  tempKey: isTextOrNull,
  createdAt: isTextOrNull,
  takedownRef: isTextOrNull,
  isTemporary: isFlag,
  isTakenDown: isFlag,
  isPublic: isFlag,
  isInSpace: isFlag,
})
const isNamingRow = isObject({ at: isText, cid: isTextOrNull, uri: isTextOrNull, rev: isTextOrNull })
const isAuroraRow = isObject({
  at: isText,
  name: isTextOrNull,
  mimeType: isTextOrNull,
  did: isTextOrNull,
  createdAt: isTextOrNull,
})
const isClaim = isObject({ mimeType: isText, size: isNumberOrNull })

const tests: Readonly<Record<Kind, Test>> = {
  tables: isObject({ spaces: isTexts, unreadable: isTexts, absent: isTexts }),
  countBlobs: isCount,
  blobs: isPage(isBlobRow),
  blob: (value) => value === null || isBlobRow(value),
  strangers: isTexts,
  namings: isPage(isNamingRow),
  unmet: isPage(isNamingRow),
  rev: isTextOrNull,
  claim: (value) => value === null || isClaim(value),
  countAurora: isCount,
  aurora: isPage(isAuroraRow),
  auroraStrangers: isTexts,
}

/** Whether it is a valid answer to this question. A page must lead on: otherwise one row could be returned for ever. */
export function isAnswer(kind: Kind, asked: object, answer: unknown): boolean {
  if (!tests[kind](answer)) return false
  const next = (answer as { next?: string | null } | null)?.next ?? null
  const after = (asked as { after?: string | null }).after ?? null
  return next === null || after === null || BigInt(next) > BigInt(after)
}
