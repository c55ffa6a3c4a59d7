import { consumers } from './consumers.ts'
import { downstream } from './downstream.ts'
import { coreImports, runs } from './entries.ts'
import { licences } from './licences.ts'
import { publint, types, unused } from './lint.ts'
import { content, installScripts } from './tarball.ts'
import { type Check, Workshop } from './workshop.ts'

// npm run check:package: checks what a host gets from npm, before publishing. Asks the registry for what hosts would
// install.

const checks: readonly Check[] = [
  content,
  installScripts,
  licences,
  publint,
  types,
  unused,
  runs,
  coreImports,
  consumers,
  downstream,
]

using workshop = new Workshop()
let failed = 0
for (const { name, run } of checks) {
  const start = performance.now()
  try {
    const found = await run(workshop)
    console.log(`✓ ${name}\n  ${found} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  } catch (error) {
    failed += 1
    console.error(`✗ ${name}\n  ${(error as Error).message.trimEnd().replaceAll('\n', '\n  ')}`)
  }
}
console.log(failed === 0 ? '\nThe package is ready.' : `\n${failed} of ${checks.length} checks failed.`)
process.exitCode = failed === 0 ? 0 : 1
