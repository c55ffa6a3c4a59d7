import { mkdir, rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { works } from './works/all.ts'

// node bench/sample.ts <work> <contestant>: one sample, whose figures are the last line on stdout. By itself it is for
// profiling: node --cpu-prof bench/sample.ts upload-50k-16 ours

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string', default: `${import.meta.dirname}/.work/sample` },
    seconds: { type: 'string', default: '1' },
    scale: { type: 'string', default: '1' },
  },
})
const [name, contestant = ''] = positionals
const work = works.find((one) => one.name === name)
if (!work?.contestants.includes(contestant)) {
  const known = works.map((one) => `  ${one.name}: ${one.contestants.join(', ')}`).join('\n')
  process.stderr.write(`node bench/sample.ts <work> <contestant>, of these:\n${known}\n`)
  process.exit(2)
}
await mkdir(values.dir, { recursive: true })
const place = { folder: values.dir, seconds: Number(values.seconds), scale: Number(values.scale) }
const figures = await work.run(contestant, place)
if (process.send === undefined) await rm(values.dir, { recursive: true, force: true })
process.stdout.write(`${JSON.stringify(figures)}\n`)
