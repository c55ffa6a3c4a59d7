import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Outcome, Trial } from './trial.ts'

// npm run trial -- <name> [options]: runs the trial of that folder. Ends with 1 when it finds something, with 2 when
// the arguments are invalid.

const names = globSync('*/trial.ts', { cwd: import.meta.dirname })
  .map(dirname)
  .sort()
const [name = '', ...args] = process.argv.slice(2)
process.exitCode = names.includes(name) ? await runTrial(await load(name)) : await list()

async function load(name: string): Promise<Trial> {
  const { trial }: { trial: Trial } = await import(join(import.meta.dirname, name, 'trial.ts'))
  return trial
}

async function list(): Promise<number> {
  const asked = name === '' || name === '--help'
  const lines = await Promise.all(names.map(async (name) => `  ${name.padEnd(10)}  ${(await load(name)).about}\n`))
  const problem = asked ? '' : `${name}: there is no such trial\n\n`
  const usage = `npm run trial -- <trial> [options]; --help after a trial's name prints its options\n\n${lines.join('')}`
  process[asked ? 'stdout' : 'stderr'].write(problem + usage)
  return asked ? 0 : 2
}

async function runTrial(trial: Trial): Promise<number> {
  const usage = `npm run trial -- ${name} [options]\n\n${trial.about}\n\n${trial.usage}`
  let begun: ReturnType<Trial['begin']>
  try {
    begun = trial.begin(args)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`)
    return 2
  }
  if (begun.help) {
    process.stdout.write(usage)
    return 0
  }
  const progress = (line: string) => void process.stderr.write(`${line}\n`)
  const say = begun.json ? progress : (line: string) => void process.stdout.write(`${line}\n`)
  let outcome: Outcome
  try {
    outcome = await begun.run({ say, progress, signal: untilStopped() })
  } catch (error) {
    process.stderr.write(`FOUND ${error instanceof Error ? error.stack : error}\n`)
    return 1
  }
  if (begun.json) process.stdout.write(`${JSON.stringify(outcome.report)}\n`)
  else process.stdout.write(outcome.text ?? '')
  return outcome.found ? 1 : 0
}

/** Ctrl-C arrives twice through npm: only a later one ends what does not end by itself. */
function untilStopped(): AbortSignal {
  const stop = new AbortController()
  let stoppedAt: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stoppedAt ??= performance.now()
      stop.abort()
      if (performance.now() - stoppedAt > 2000) process.exit(130)
    })
  }
  process.stdout.on('error', () => stop.abort()) // nothing listens any more
  return stop.signal
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
