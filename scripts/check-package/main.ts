import { parseArgs } from 'node:util'
import { comparison } from './comparison.ts'
import { consumers } from './consumers.ts'
import { downstream } from './downstream.ts'
import { coreImports, runs } from './entries.ts'
import { hosts } from './hosts.ts'
import { image } from './image.ts'
import { licences } from './licences.ts'
import { light } from './light.ts'
import { links } from './links.ts'
import { publint, types, unused } from './lint.ts'
import { next } from './next/next.ts'
import { policies } from './policies.ts'
import { publish } from './publish.ts'
import { repository } from './repository.ts'
import { runners } from './runners.ts'
import { sbom } from './sbom.ts'
import { content, installScripts } from './tarball.ts'
import { workflows } from './workflows.ts'
import { type Check, Workshop } from './workshop.ts'

// npm run check:package: checks what a host gets from npm, before publishing. Asks the registry for what hosts would
// install. With words as arguments: only the checks whose names contain one of them. With `--skip=WORDS`: all but those
// whose names contain these words.

const checks: readonly Check[] = [
  repository,
  policies,
  workflows,
  content,
  links,
  installScripts,
  licences,
  sbom,
  publish,
  publint,
  types,
  unused,
  runs,
  coreImports,
  consumers,
  downstream,
  light,
  image,
  comparison,
  next,
  runners,
  hosts,
]

const { values, positionals: words } = parseArgs({ options: { skip: { type: 'string' } }, allowPositionals: true })
const skipped = checks.filter(({ name }) => values.skip !== undefined && name.includes(values.skip))
if (values.skip !== undefined && skipped.length === 0) throw new Error(`No check is named so: ${values.skip}`)
const chosen = checks
  .filter((check) => !skipped.includes(check))
  .filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
if (chosen.length === 0)
  throw new Error(`No check is named so. They are:\n  ${checks.map(({ name }) => name).join('\n  ')}`)

using workshop = new Workshop()
let failed = 0
for (const { name, run } of chosen) {
  const start = performance.now()
  try {
    const found = await run(workshop)
    console.log(`✓ ${name}\n  ${found} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  } catch (error) {
    failed += 1
    console.error(`✗ ${name}\n  ${(error as Error).message.trimEnd().replaceAll('\n', '\n  ')}`)
  }
}
console.log(
  failed === 0
    ? chosen.length < checks.length
      ? ''
      : '\nThe package is ready.'
    : `\n${failed} of ${chosen.length} checks failed.`,
)
process.exitCode = failed === 0 ? 0 : 1
