import { breaking, number } from '../options.ts'
import { defineTrial } from '../trial.ts'
import { inMiB } from './growth.ts'
import { Soak } from './soak.ts'

// See soak.ts.

const deeds = ['upload', 'write', 'delete', 'drop', 'takedown', 'read', 'collect', 'sweep', 'scrub'] as const

export const trial = defineTrial({
  about: 'Lets five processes work on one store: nothing is lost or left, and no memory or descriptor leaks',
  options: { minutes: number('for so long', 10), break: breaking(['leak'] as const) },
  run: async ({ minutes, break: broken, seed }, { say, signal }) => {
    if (minutes === 0) throw new Error('--minutes 0: expected a number above 0')
    const soak = new Soak({ minutes, seed, leak: broken === 'leak' })
    signal.addEventListener('abort', () => soak.stop())
    const started = performance.now()
    const count = (what: string) => soak.books.ledgers.reduce((all, { done }) => all + (done[what] ?? 0), 0)
    const found = (kind: string) => [...soak.findings.values()].filter((finding) => finding.kind === kind).length

    say(`seed ${seed}`)
    say(['minutes', 'events', 'collections', 'lost', 'memory (MiB) and descriptors of each process'].join('\t'))
    await soak.run(() => {
      const passed = ((performance.now() - started) / 60_000).toFixed(1)
      const held = [...soak.samples].map(([name, { latest }]) => {
        return `${name} ${inMiB(latest?.memory ?? 0).slice(0, -4)}/${latest?.descriptors ?? 0}`
      })
      say([passed, eventsOf(soak), count('collect'), found('lost'), held.join('  ')].join('\t'))
    })

    say('')
    for (const [name, samples] of soak.samples) {
      const { memory, live, descriptors } = samples.growth()
      const [resident, alive] = [memory, live].map((bytes) => bytes.map(inMiB).join(' → '))
      say(`${name.padEnd(10)} memory ${resident}, of which alive ${alive}; descriptors ${descriptors.join(' → ')}`)
    }
    say(`events ${eventsOf(soak)}: ${deeds.map((what) => `${count(what)} ${what}`).join(', ')}`)
    say(`collections ${count('collect')}`)
    say(`lost ${found('lost')}, orphans ${found('orphan')}, other faults ${found('wrong')}`)
    const findings = [...soak.findings.values()]
    for (const { kind, what } of findings) say(`  ${kind}: ${what}`)
    return { found: findings.length > 0, report: { seed, events: eventsOf(soak), findings } }
  },
})

function eventsOf({ books }: Soak): number {
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, number) => all + number, 0)
  return books.ledgers.reduce((all, { done, refused }) => all + sum(done) + sum(refused), 0)
}
