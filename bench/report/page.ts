import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Samples } from '../measure/samples.ts'
import { drawCharts } from './charts.ts'
import { goalLines } from './goal-lines.ts'
import { type Results, samplesOf } from './results.ts'
import { workTables } from './tables.ts'

const docs = join(import.meta.dirname, '../../docs')
const file = join(docs, 'benchmarks.md')
const [begin, end] = ['<!-- results: written by `npm run bench -- --write` -->', '<!-- end of results -->']

/** Writes the results into docs/benchmarks.md, between its two marks; the text around them is kept. */
export async function writePage(results: Results): Promise<void> {
  const samples = samplesOf(results)
  const charts = drawCharts(samples)
  await mkdir(join(docs, 'benchmarks'), { recursive: true })
  for (const { file, svg } of charts) await writeFile(join(docs, 'benchmarks', file), svg)
  const page = await readFile(file, 'utf8')
  const [before, after] = [page.indexOf(begin), page.indexOf(end)]
  if (before === -1 || after < before) throw new Error(`${file}: the marks around the results are missing`)
  const parts = [setting(results), goalsOf(samples), picturesOf(charts), tablesOf(samples)]
  await writeFile(file, `${page.slice(0, before)}${begin}\n\n${parts.join('\n\n')}\n\n${page.slice(after)}`)
}

function setting({ facts, full, rounds }: Results): string {
  const { date, processor, cores, memoryGiB, system, fileSystem, node, versions } = facts
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${full ? 'All of it' : 'The default set'}, ${rounds} rounds, ${date}: ${cores} cores (${processor}), ${memoryGiB} GiB,
${system}, ${fileSystem}, Node ${node.slice(1)}; ${packages.join(', ')}.`
}

function goalsOf(samples: Samples): string {
  const rows = goalLines(samples).map(({ row, what, wanted, figure, bound, verdict }) => [
    `${row}: ${what}`,
    wanted,
    figure,
    bound,
    verdict === 'does not hold' ? '**does not hold**' : verdict,
  ])
  return `## Goals\n\n${markdown([['', 'goal', 'figure', 'bound', ''], ...rows])}`
}

function picturesOf(charts: readonly { file: string; title: string }[]): string {
  return `## Pictures\n\n${charts.map(({ file, title }) => `![${title}](benchmarks/${file})`).join('\n\n')}`
}

function tablesOf(samples: Samples): string {
  return `## All figures\n\n${workTables(samples)
    .map(({ title, rows }) => `### ${title}\n\n${markdown(rows)}`)
    .join('\n\n')}`
}

function markdown(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '--:'))), ...body.map(line)].join('\n')
}
