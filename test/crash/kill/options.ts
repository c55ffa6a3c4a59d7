import { parseArgs } from 'node:util'
import { type BrokenRule, brokenRules } from './broken-rules.ts'

export interface Options {
  cycles: number
  /** Ends earlier when they are over. */
  minutes: number
  /** Goes on beyond the cycles, up to three times as many, until somebody was killed at every step. */
  everyStep: boolean
  seed: string
  broken: BrokenRule | null
  json: boolean
}

export const usage = `npm run test:crash -- [--cycles N] [--minutes M] [--every-step] [--seed S] [--break ${brokenRules.join('|')}] [--json]

Kills real processes on one store, again and again, and checks that nothing that was acknowledged is lost.

  --cycles N   kill and check N times (default 50; with --minutes alone: until they are over)
  --minutes M  stop after M minutes
  --every-step go on until somebody was killed at every step, up to three times as long
  --seed S     make the choices of an earlier run again (the processes' timing is their own)
  --break R    break a rule of the protocol: then losses or orphans must be found
  --json       print the report as JSON
`

/** @throws when they cannot be meant */
export function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      cycles: { type: 'string' },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      break: { type: 'string' },
      'every-step': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const broken = brokenRules.find((rule) => rule === values.break) ?? null
  if (values.break !== undefined && broken === null) throw new Error(`--break ${values.break}: no such rule`)
  const endless = values.minutes === undefined ? 50 : Number.MAX_SAFE_INTEGER
  return {
    cycles: values.cycles === undefined ? endless : positive('--cycles', values.cycles),
    minutes: values.minutes === undefined ? Number.POSITIVE_INFINITY : positive('--minutes', values.minutes),
    everyStep: values['every-step'],
    seed: values.seed ?? String(Math.floor(Math.random() * 1e9)),
    broken,
    json: values.json,
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`${name} ${text}: expected a number above 0`)
}
