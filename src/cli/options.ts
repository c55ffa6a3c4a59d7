import { InvalidArgumentError, Option } from 'commander'

export const dryRun: Option = new Option('--dry-run', 'only print what would be done')
export const yes: Option = new Option('--yes', 'do not ask: for scripts, and for cron')

export const rate: Option = new Option(
  '--rate <bytes>',
  'at most this many bytes a second, as 500000 or 20M',
).argParser(bytesOf)

export function whole(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => {
    if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text)
    throw new InvalidArgumentError('Expected a whole number above 0.')
  })
}

function bytesOf(text: string): number {
  const [, digits, unit = ''] = /^([1-9][0-9]{0,8})([kKmMgG]?)$/.exec(text) ?? []
  if (digits === undefined) throw new InvalidArgumentError('Expected a number of bytes, as 500000 or 20M.')
  return Number(digits) * 1024 ** ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase())
}
