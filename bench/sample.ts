import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { spreadOut } from './process/spread.ts'
import { workloads } from './workloads/all.ts'

// node bench/sample.ts <work> <contender>: one sample, whose figures are the last line on stdout. Useful for profiling:
// node --cpu-prof bench/sample.ts upload-50k-16 ours

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string', default: join(import.meta.dirname, '.work') },
    seconds: { type: 'string', default: '1' },
    scale: { type: 'string', default: '1' },
  },
})
const [name, contender = ''] = positionals
const work = workloads.find((one) => one.name === name)
if (!work?.contenders.includes(contender)) {
  const known = workloads.map((one) => `  ${one.name}: ${one.contenders.join(', ')}`).join('\n')
  process.stderr.write(`node bench/sample.ts <work> <contender>, of these:\n${known}\n`)
  process.exit(2)
}
await mkdir(values.dir, { recursive: true })
spreadOut(values.dir)
const folder = await mkdtemp(join(values.dir, 'sample-'))
try {
  const place = { folder, seconds: Number(values.seconds), scale: Number(values.scale) }
  const figures = await work.run(contender, place)
  process.stdout.write(`${JSON.stringify(figures)}\n`)
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
