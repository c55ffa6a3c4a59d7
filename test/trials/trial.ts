import { type Common, common, type Options, usageOf, type ValuesOf, valuesOf } from './options.ts'

/** How a trial reports while it runs, and its inputs. */
export interface Control {
  /** Text for people: on stdout, or on stderr if stdout is for JSON. */
  say(line: string): void
  /** Its progress, on stderr. */
  progress(line: string): void
  /** Aborts when it is to end: it then leaves nothing behind and reports what it has. */
  signal: AbortSignal
}

export interface Outcome {
  /** Whether something was lost, left or reported wrongly: the process then ends with 1. */
  found: boolean
  /** What `--json` prints. */
  report: object
  /** What is printed otherwise, if not everything was printed before. */
  text?: string
}

export interface Trial {
  /** What it does and checks, in a sentence. */
  about: string
  usage: string
  /** @throws if the arguments are invalid */
  begin(args: string[]): { help: boolean; json: boolean; run: (control: Control) => Promise<Outcome> }
}

interface Definition<O extends Options> {
  about: string
  options: O
  /** Rejects if a finding makes it pointless to continue: that counts as a finding too. */
  run(values: ValuesOf<O> & Common, control: Control): Promise<Outcome>
}

/** Its own options replace common ones of the same name. */
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
