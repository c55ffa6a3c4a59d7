import { rmSync } from 'node:fs'
import { stderr, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { copyWithMutants, type Mutant } from './mutants.ts'
import { Trial } from './trial.ts'

const usage = `npm run test:mutants -- [--only subject] [--file part] [--workers N] [--least P]

Changes the code in small ways, one at a time, and asks the nearest tests to notice.

  --only subject  blob (CIDs and types) or store (uploads, commits, collection); both by default
  --file part     only mutants of files with this in their path
  --workers N     how many mutants at a time (default 2)
  --least P       the share of mutants that must be noticed in each subject, in percent (default 80)
`

const subjects = {
  blob: { files: ['src/blob/{cid,mime,mime-policy,mime-refinements,sniff}.ts'], tests: ['test/blob/**/*.test.ts'] },
  store: {
    files: [
      'src/store/upload/upload.ts',
      'src/metadata/write-group.ts',
      'src/metadata/queries/{upload-steps,commit-step,collect-steps,delete-blobs}.ts',
      'src/maintenance/collect.ts',
      'src/maintenance/delete-doomed.ts',
    ],
    tests: [
      'test/store/{arguments,between-the-steps,upload,quota,accounts,hooks,indistinguishable,references,lifecycle}.test.ts',
      'test/maintenance/{meanwhile,collect,deletion-limit,sweep}.test.ts',
      'test/metadata/write-group.test.ts',
    ],
  },
}

interface Outcome {
  mutant: Mutant
  outcome: 'noticed' | 'lives' | 'unreached'
}

async function run(subject: keyof typeof subjects, part: string, workers: number): Promise<Outcome[]> {
  const { files, tests } = subjects[subject]
  const { folder, mutants } = await copyWithMutants(files)
  const waiting = mutants.filter(({ file }) => file.includes(part))
  const total = waiting.length
  const outcomes: Outcome[] = []
  const work = async (trial: Trial): Promise<void> => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const noticed = await trial.kills(mutant.id)
      const outcome = noticed ? 'noticed' : trial.reaches(mutant.id) ? 'lives' : 'unreached'
      outcomes.push({ mutant, outcome })
      if (!noticed) stdout.write(`${describe({ mutant, outcome })}\n`)
      stderr.write(`${subject}: ${outcomes.length} of ${total}, ${outcomes.filter(isNoticed).length} noticed\n`)
    }
  }
  const trials: Trial[] = []
  try {
    for (let n = 0; n < workers; n++) trials.push(await Trial.begin(folder, tests))
    await Promise.all(trials.map(work))
  } finally {
    for (const trial of trials) await trial.end()
    rmSync(folder, { recursive: true })
  }
  return outcomes
}

const isNoticed = ({ outcome }: Outcome): boolean => outcome === 'noticed'

function describe({ mutant: { file, line, original, replacement }, outcome }: Outcome): string {
  return `${file}:${line} ${outcome}\n${original.replace(/^/gm, '- ')}\n${replacement.replace(/^/gm, '+ ')}\n`
}

function print(outcomes: readonly Outcome[]): number {
  for (const [file, some] of Map.groupBy(outcomes, ({ mutant }) => mutant.file)) stdout.write(`${line(file, some)}\n`)
  stdout.write(`${line('together', outcomes)}\n\n`)
  return outcomes.filter(isNoticed).length / outcomes.length
}

function line(name: string, outcomes: readonly Outcome[]): string {
  const noticed = outcomes.filter(isNoticed).length
  return `${name.padEnd(44)} ${noticed} of ${outcomes.length} noticed, ${((noticed / outcomes.length) * 100).toFixed(1)} %`
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      file: { type: 'string', default: '' },
      workers: { type: 'string', default: '2' },
      least: { type: 'string', default: '80' },
    },
  })
  const names = Object.keys(subjects) as (keyof typeof subjects)[]
  const chosen = names.filter((name) => name === (values.only ?? name))
  if (chosen.length === 0) throw new Error(`--only ${values.only}: there is no such subject`)
  let least = 1
  for (const name of chosen) least = Math.min(least, print(await run(name, values.file, Number(values.workers))))
  return least * 100 >= Number(values.least) ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  stdout.write(`${(error as Error).message}\n\n${usage}`)
  process.exitCode = 2
}
