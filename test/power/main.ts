import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Campaign, type Report } from './campaign.ts'
import { type Options, optionsOf, usage } from './options.ts'
import { print } from './print.ts'
import { tryMount, whyNot } from './volume.ts'

// Power cuts: see campaign.ts. Ends with 1 when anything was lost or left. Where the power cannot be cut it says so, and
// ends with 0; with 1 where REQUIRE_POWER=1.

const options = parse()
const home = mkdtempSync(join(tmpdir(), 'pds-blobstore-power-'))
let current: Campaign | undefined
let stopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopped = true
    current?.stop()
  })
}

try {
  process.exitCode = await run()
} finally {
  rmSync(home, { recursive: true, force: true })
}

async function run(): Promise<number> {
  const reports: Report[] = []
  for (const fileSystem of options.fileSystems) {
    const obstacle = whyNot(fileSystem) ?? (await tryMount(home, fileSystem))
    if (obstacle !== null) {
      process.stderr.write(`No power cut: ${obstacle}\n`)
      return process.env.REQUIRE_POWER === '1' ? 1 : 0
    }
  }
  for (const fileSystem of options.fileSystems) {
    if (stopped) break
    current = new Campaign(options, fileSystem, home)
    reports.push(await current.run((report) => options.json || process.stderr.write(`${progress(report)}\n`)))
    if (!options.json) process.stdout.write(print(reports.at(-1) as Report))
  }
  if (options.json) process.stdout.write(`${JSON.stringify(reports)}\n`)
  return reports.some(({ lost, orphans, wrong }) => lost + orphans + wrong > 0) ? 1 : 0
}

function progress({ fileSystem, cycles, acknowledged, lost, orphans, wrong }: Report): string {
  return `${fileSystem}: ${cycles} cycles, ${acknowledged} acknowledged, ${lost} lost, ${orphans + wrong} left or wrong`
}

function parse(): Options {
  try {
    return optionsOf(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    return process.exit(2)
  }
}
