import { type Report, total } from './tally.ts'

/** The report for people. */
export function print(report: Report): string {
  const { kills, acknowledged, refused, findings } = report
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, count) => all + count, 0)
  const atSteps = Object.values(kills).reduce((all, step) => all + total(step), 0)
  const facts: [string, string | number][] = [
    ['seed', report.seed],
    ...(report.broken ? [['broken rule', report.broken] as [string, string]] : []),
    ['duration', `${report.seconds} s`],
    ['cycles', report.cycles],
    ['processes', `${report.processes}, of which ${atSteps + report.killsByChance} were killed`],
    ['killed at a step', `${atSteps} (below)`],
    ['killed at random', report.killsByChance],
    ...(report.missed.length > 0 ? [['never killed at', report.missed.join(', ')] as [string, string]] : []),
    ['uploads in flight at a kill', report.uploadsInFlight],
    ['acknowledged', `${sum(acknowledged)}: ${list(acknowledged)}`],
    ['refused, as they may', `${sum(refused)}${sum(refused) > 0 ? `: ${list(refused)}` : ''}`],
    ['lost', report.lost],
    ['orphans', report.orphans],
    ['other faults', report.wrong],
  ]
  const lines = facts.map(([name, value]) => `${name.padEnd(28)} ${value}`)
  const table = Object.entries(kills).map(([step, { before, during, after }]) =>
    [step.padEnd(28), ...[before, during, after].map((count) => String(count).padStart(7))].join(' '),
  )
  const head = ['kills at the step'.padEnd(28), ...['before', 'during', 'after'].map((name) => name.padStart(7))].join(
    ' ',
  )
  const shown = findings.slice(0, 20).map((finding) => `  ${finding}`)
  const rest = findings.length > shown.length ? [`  … and ${findings.length - shown.length} more`] : []
  return [...lines, ...(findings.length > 0 ? ['', 'Found', ...shown, ...rest] : []), '', head, ...table, ''].join('\n')
}

const list = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .sort(([, one], [, two]) => two - one)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
