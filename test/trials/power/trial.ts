import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { breaking, flag, oneOf, times } from '../options.ts'
import { type Control, defineTrial, type Outcome } from '../trial.ts'
import { brokenRules } from './broken-rules.ts'
import { Campaign, type Report } from './campaign.ts'
import { layouts, type Options } from './options.ts'
import { print } from './print.ts'
import { fileSystems, tryMount, whyNot } from './volume.ts'

// See campaign.ts. If the power cannot be cut it says so, and finds nothing; unless REQUIRE_POWER=1.

export const trial = defineTrial({
  about:
    'Cuts the power of a file system under real processes, again and again: nothing acknowledged may be lost (root, xfsprogs, e2fsprogs)',
  options: {
    cycles: times(20, 'cut and check N times on each file system'),
    fs: oneOf(fileSystems, 'the file system'),
    database: oneOf(layouts, 'on the volume of the blobs, or on a separate one; by turns'),
    break: breaking(brokenRules),
    'until-lost': flag('stop when something was lost'),
  },
  run: async ({ fs, database, break: broken, 'until-lost': untilLost, ...amount }, control) => {
    const home = mkdtempSync(join(tmpdir(), 'pds-blobstore-power-'))
    try {
      return await cutAll({ ...amount, fileSystems: fs, layouts: database, broken, untilLost }, home, control)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  },
})

async function cutAll(options: Options, home: string, { progress, signal }: Control): Promise<Outcome> {
  const reports: Report[] = []
  for (const fileSystem of options.fileSystems) {
    const obstacle = whyNot(fileSystem) ?? (await tryMount(home, fileSystem))
    if (obstacle === null) continue
    progress(`No power cut: ${obstacle}`)
    return { found: process.env.REQUIRE_POWER === '1', report: reports }
  }
  for (const fileSystem of options.fileSystems) {
    if (signal.aborted) break
    const campaign = new Campaign(options, fileSystem, home)
    signal.addEventListener('abort', () => campaign.stop())
    const report = await campaign.run((report) => progress(figures(report)))
    reports.push(report)
  }
  const found = reports.some(({ lost, orphans, wrong }) => lost + orphans + wrong > 0)
  return { found, report: reports, text: reports.map(print).join('') }
}

function figures({ fileSystem, cycles, acknowledged, lost, orphans, wrong }: Report): string {
  return `${fileSystem}: ${cycles} cycles, ${acknowledged} acknowledged, ${lost} lost, ${orphans + wrong} left or wrong`
}
