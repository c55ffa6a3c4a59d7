import type { Report } from './campaign.ts'

/** The report for people. */
export function print(report: Report): string {
  const { cuts, findings } = report
  const facts: [string, string | number][] = [
    ['file system', report.fileSystem],
    ['seed', report.seed],
    ...(report.broken ? [['broken rule', report.broken] as [string, string]] : []),
    ['duration', `${report.seconds} s`],
    ['cycles', report.cycles],
    [
      'cuts',
      `${cuts.load} under load, ${cuts.rest} after an acknowledgement, ${cuts.making} while the store was created`,
    ],
    ['acknowledged', report.acknowledged],
    ['lost', report.lost],
    ['orphans', report.orphans],
    ['other faults', report.wrong],
  ]
  const lines = facts.map(([name, value]) => `${name.padEnd(16)} ${value}`)
  const shown = findings.slice(0, 10).map((finding) => `  ${finding}`)
  const rest = findings.length > shown.length ? [`  … and ${findings.length - shown.length} more`] : []
  return [...lines, ...shown, ...rest, '', ''].join('\n')
}
