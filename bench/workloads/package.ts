import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { importsOf } from '../../test/package/imports.ts'
import { builtFiles } from '../library.ts'
import { median } from '../measure/figures.ts'
import type { Workload } from './workload.ts'

const core = join(builtFiles, 'index.js')

/** What having the library costs. */
export const packageWorks: Workload[] = [
  {
    name: 'import',
    title: 'Import of the core entry, in a new process, with what it depends on',
    contenders: ['ours'],
    when: 'always',
    async run() {
      const times: number[] = []
      for (let time = 0; time < 7; time++) times.push(await importTime())
      return { p50: median(times), size: coreSize() }
    },
  },
]

async function importTime(): Promise<number> {
  const code = `const start = performance.now(); await import('${core}'); console.log(performance.now() - start)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
  return Number(stdout)
}

/** Of our own code that the core entry loads at once, as it is in the package, compressed by gzip, in bytes. */
function coreSize(): number {
  const code = [...importsOf(core).files].map((file) => readFileSync(file))
  return gzipSync(Buffer.concat(code), { level: 9 }).length
}
