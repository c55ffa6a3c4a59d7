import { parseArgs } from 'node:util'
import { type BrokenRule, brokenRules, isBrokenRule } from './broken-rules.ts'
import { type FileSystem, fileSystems } from './volume.ts'

/** Where the database is: on the volume of the blobs, or on one of its own, whose syncs help no blob. */
const layouts = ['together', 'apart'] as const
export type Layout = (typeof layouts)[number]

export interface Options {
  /** On each file system. */
  cycles: number
  /** Ends earlier when they are over: on each file system after its share. */
  minutes: number
  fileSystems: readonly FileSystem[]
  layouts: readonly Layout[]
  seed: string
  broken: BrokenRule | null
  /** Ends as soon as something was lost. */
  untilLost: boolean
  json: boolean
}

export const usage = `npm run test:power -- [--cycles N] [--minutes M] [--fs ext4|xfs|both] [--break ${brokenRules.join('|')}]
                      [--database together|apart|both] [--until-lost] [--seed S] [--json]

Cuts the power of a file system under real processes, again and again, and checks that nothing acknowledged is lost.
Needs root, xfsprogs and e2fsprogs.

  --cycles N    cut and check N times on each file system (default 20; with --minutes alone: until they are over)
  --minutes M   stop after M minutes in all
  --fs F        the file system (default both)
  --database D  on the volume of the blobs, or on one of its own (default both, by turns)
  --break R     break a rule of durability: then losses must be found
  --until-lost  stop when something was lost
  --seed S      make the choices of an earlier run again (the processes' timing is their own)
  --json        print the reports as JSON
`

/** @throws when they cannot be meant */
export function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      cycles: { type: 'string' },
      minutes: { type: 'string' },
      fs: { type: 'string', default: 'both' },
      database: { type: 'string', default: 'both' },
      break: { type: 'string' },
      seed: { type: 'string' },
      'until-lost': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const broken = values.break
  if (broken !== undefined && !isBrokenRule(broken)) throw new Error(`--break ${broken}: no such rule`)
  const endless = values.minutes === undefined ? 20 : Number.MAX_SAFE_INTEGER
  return {
    cycles: values.cycles === undefined ? endless : positive('--cycles', values.cycles),
    minutes: values.minutes === undefined ? Number.POSITIVE_INFINITY : positive('--minutes', values.minutes),
    fileSystems: oneOrBoth('--fs', values.fs, fileSystems),
    layouts: oneOrBoth('--database', values.database, layouts),
    seed: values.seed ?? String(Math.floor(Math.random() * 1e9)),
    broken: broken ?? null,
    untilLost: values['until-lost'],
    json: values.json,
  }
}

function oneOrBoth<T extends string>(name: string, value: string, all: readonly T[]): readonly T[] {
  const chosen = value === 'both' ? all : all.filter((one) => one === value)
  if (chosen.length === 0) throw new Error(`${name} ${value}: expected ${all.join(', ')} or both`)
  return chosen
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`${name} ${text}: expected a number above 0`)
}
