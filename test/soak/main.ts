import { parseArgs } from 'node:util'
import { inMiB } from './growth.ts'
import { Soak, type SoakOptions } from './soak.ts'

// npm run test:soak -- --minutes N: see soak.ts. Ends with 1 when anything was lost, left, or grew.

const options = parse()
const soak = new Soak(options)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => soak.stop())
process.stdout.on('error', () => soak.stop()) // nobody listens any more
const started = performance.now()
const say = (line: string) => process.stdout.write(`${line}\n`)

say(`seed ${options.seed}`)
say(['minutes', 'events', 'collections', 'lost', 'memory (MiB) and descriptors of each process'].join('\t'))
await soak.run(() => {
  const minutes = ((performance.now() - started) / 60_000).toFixed(1)
  const held = [...soak.samples].map(([name, { latest }]) => {
    return `${name} ${inMiB(latest?.memory ?? 0).slice(0, -4)}/${latest?.descriptors ?? 0}`
  })
  say([minutes, events(), count('collect'), found('lost'), held.join('  ')].join('\t'))
})

say('')
for (const [name, samples] of soak.samples) {
  const { memory, live, descriptors } = samples.growth()
  const [resident, alive] = [memory, live].map((bytes) => bytes.map(inMiB).join(' → '))
  say(`${name.padEnd(10)} memory ${resident}, of which alive ${alive}; descriptors ${descriptors.join(' → ')}`)
}
const kinds = (['upload', 'write', 'delete', 'takedown', 'read', 'collect', 'sweep', 'scrub'] as const)
  .map((what) => `${count(what)} ${what}`)
  .join(', ')
say(`events ${events()}: ${kinds}`)
say(`collections ${count('collect')}`)
say(`lost ${found('lost')}, orphans ${found('orphan')}, other faults ${found('wrong')}`)
for (const { kind, what } of soak.findings.values()) say(`  ${kind}: ${what}`)
process.exitCode = soak.findings.size > 0 ? 1 : 0

function events(): number {
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, number) => all + number, 0)
  return soak.books.ledgers.reduce((all, { done, refused }) => all + sum(done) + sum(refused), 0)
}

function count(what: string): number {
  return soak.books.ledgers.reduce((all, { done }) => all + (done[what] ?? 0), 0)
}

function found(kind: string): number {
  return [...soak.findings.values()].filter((finding) => finding.kind === kind).length
}

function parse(): SoakOptions {
  try {
    const { values } = parseArgs({
      options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' }, break: { type: 'string' } },
    })
    const minutes = Number(values.minutes)
    if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes}: expected a number above 0`)
    if (values.break !== undefined && values.break !== 'leak') throw new Error(`--break ${values.break}: only leak`)
    const seed = values.seed ?? String(Math.floor(Math.random() * 1e9))
    return { minutes, seed, leak: values.break === 'leak' }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.stderr.write('npm run test:soak -- [--minutes N] [--seed S] [--break leak]\n')
    return process.exit(2)
  }
}
