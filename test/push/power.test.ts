import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { brokenRules } from '../trials/power/broken-rules.ts'
import type { Report } from '../trials/power/campaign.ts'
import { fileSystems, tryMount, whyNot } from '../trials/power/volume.ts'
import { runTrial } from '../trials/run-trial.ts'

// Some power cuts on each file system, and each rule of durability broken: see test/trials/power/campaign.ts, and `npm
// run test:power` for as many as there is time for.
//
// Fails when src/backend/disk/durable-write.ts does not sync a blob before it has its name, or its directory after;
// when src/metadata/sqlite/settings.ts sets synchronous = NORMAL: the rules broken here. Also fails when a break is not
// detected, because then the trial proves nothing. Needs root, xfsprogs and e2fsprogs; REQUIRE_POWER=1 makes their
// absence a failure.

const home = mkdtempSync(join(tmpdir(), 'pds-blobstore-power-'))
beforeAll(() => () => rmSync(home, { recursive: true, force: true }))
const obstacles = await Promise.all(fileSystems.map(async (one) => whyNot(one) ?? (await tryMount(home, one))))
const obstacle = obstacles.find((one) => one !== null)
const skipped = obstacle !== undefined && process.env.REQUIRE_POWER !== '1'
if (skipped) process.stderr.write(`No power cut: ${obstacle}\n`)

async function powerCuts(...args: string[]): Promise<{ reports: Report[]; status: number | null }> {
  // When it is asked to end, it unmounts what it has mounted.
  const { output, status } = await runTrial('power', 4, '--json', ...args)
  return { reports: JSON.parse(output) as Report[], status }
}

describe.skipIf(skipped).each(fileSystems)('a power cut on %s', (fileSystem) => {
  test('loses nothing that was acknowledged, and leaves nothing', async () => {
    const { reports, status } = await powerCuts('--fs', fileSystem, '--cycles', '8')
    expect(reports[0]?.findings).toEqual([])
    expect(reports[0]).toMatchObject({ cycles: 8, lost: 0, orphans: 0, wrong: 0 })
    expect(reports[0]?.acknowledged).toBeGreaterThan(20)
    expect(status).toBe(0)
  })

  // With the database on a separate volume: its syncs would help the blobs on the same one.
  test.each(brokenRules)('is detected without %s', async (rule) => {
    const args = ['--fs', fileSystem, '--database', 'apart', '--break', rule, '--cycles', '60', '--until-lost']
    const { reports, status } = await powerCuts(...args)
    expect(reports[0]?.lost).toBeGreaterThan(0)
    expect(status).toBe(1)
  })
})
