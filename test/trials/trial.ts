import { type Common, common, type Options, usageOf, type ValuesOf, valuesOf } from './options.ts'

/** What a trial tells while it runs, and is told. */
export interface Control {
  /** For who reads: on stdout, or on stderr where that is kept for JSON. */
  say(line: string): void
  /** How far it is, on stderr. */
  progress(line: string): void
  /** Aborted when it shall end: it then leaves nothing behind and reports what it has. */
  signal: AbortSignal
}

export interface Outcome {
  /** Whether something was lost, left or told wrongly: the process then ends with 1. */
  found: boolean
  /** What `--json` prints. */
  report: object
  /** What is printed otherwise, where not everything was said on the way. */
  text?: string
}

export interface Trial {
  /** What it does and checks, in a sentence. */
  about: string
  usage: string
  /** @throws when the arguments cannot be meant */
  begin(args: string[]): { help: boolean; json: boolean; run: (control: Control) => Promise<Outcome> }
}

interface Definition<O extends Options> {
  about: string
  options: O
  /** Rejects when what it looks for makes going on senseless: that is a finding too. */
  run(values: ValuesOf<O> & Common, control: Control): Promise<Outcome>
}

/** Its own options take the place of common ones of the same name. */
export function defineTrial<O extends Options>({ about, options, run }: Definition<O>): Trial {
  const all = { ...options, ...commonBeside(options) }
  return {
    about,
    usage: usageOf(all),
    begin: (args) => {
      const values = valuesOf(all, args) as ValuesOf<O> & Common
      return { help: values.help, json: values.json, run: (control) => run(values, control) }
    },
  }
}

function commonBeside(options: Options): Options {
  return Object.fromEntries(Object.entries(common).filter(([name]) => !(name in options)))
}
