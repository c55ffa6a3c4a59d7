import { randomBytes } from 'node:crypto'

const alphabet = '234567abcdefghijklmnopqrstuvwxyz'
const clock = BigInt(randomBytes(2).readUInt16BE() % 1024)
let last = 0n

/** A TID (https://atproto.com/specs/tid), greater than all before it in this process. */
export function nextTid(): string {
  const now = BigInt(Date.now()) * 1000n
  last = now > last ? now : last + 1n
  let rest = (last << 10n) | clock
  let tid = ''
  for (let i = 0; i < 13; i++) {
    tid = alphabet[Number(rest % 32n)] + tid
    rest /= 32n
  }
  return tid
}

/** A TID and 48 random bits: sorts by time, and is unique, whatever clocks do. */
export function nextMark(): string {
  return nextTid() + randomBytes(6).toString('hex')
}

/** When a mark was created, in milliseconds since 1970. */
export function timeOfMark(mark: string): number {
  let bits = 0n
  for (const character of mark.slice(0, 13)) bits = bits * 32n + BigInt(alphabet.indexOf(character))
  return Number((bits >> 10n) / 1000n)
}

export const markGrammar: RegExp = /^[2-7a-j][2-7a-z]{12}[0-9a-f]{12}$/
