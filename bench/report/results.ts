import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Samples, type Series } from '../measure/samples.ts'
import type { Facts } from './facts.ts'

/** Everything of one run, as it is stored in a file. */
export interface Results {
  facts: Facts
  full: boolean
  rounds: number
  series: Series[]
}

const folder = join(import.meta.dirname, '../results')
const file = join(folder, 'latest.json')

export async function keepResults(results: Results): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(file, `${JSON.stringify(results, null, 1)}\n`)
}

export async function lastResults(): Promise<Results> {
  return JSON.parse(await readFile(file, 'utf8')) as Results
}

/** With what was measured again in place of its earlier figures. */
export function withPart(whole: Results, part: Results): Results {
  const nameOf = ({ work, contender }: Series) => `${work}/${contender}`
  const again = new Set(part.series.map(nameOf))
  return { ...whole, series: [...whole.series.filter((one) => !again.has(nameOf(one))), ...part.series] }
}

export function samplesOf({ series }: Results): Samples {
  return new Samples(series)
}
