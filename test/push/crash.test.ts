import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { brokenRules } from '../crash/kill/broken-rules.ts'
import type { Report } from '../crash/kill/tally.ts'

// Real processes on one store, killed with SIGKILL at every step of the protocol: see test/crash/kill/campaign.ts.
//
// Goes red when src/ breaks a rule, as the second part shows for three: put before intend (src/store/upload.ts), no
// foreign keys (src/metadata/migrations.ts), an answer before the commit. Also when a step is renamed, and so never hit.

test('fifty cycles of kills lose nothing, and come to every step of the protocol', async () => {
  const { code, report } = await crash('--cycles', '50', '--every-step')
  expect(report).toMatchObject({ findings: [], lost: 0, orphans: 0, wrong: 0, missed: [] })
  expect(report.cycles).toBeGreaterThanOrEqual(50)
  expect(report.uploadsInFlight).toBeGreaterThan(0)
  expect(report.acknowledged.upload).toBeGreaterThan(100)
  expect(report.acknowledged.write).toBeGreaterThan(100)
  expect(code).toBe(0)
})

describe('a trial that cannot fail proves nothing', () => {
  test.each(brokenRules)('without the rule %s it finds what is lost, left or wrong', async (rule) => {
    const { code, report } = await crash('--cycles', '60', '--break', rule)
    expect(report.lost + report.orphans + report.wrong, report.findings.join('\n')).toBeGreaterThan(0)
    expect(code).toBe(1)
  })
})

async function crash(...args: string[]): Promise<{ code: number | null; report: Report }> {
  const main = join(import.meta.dirname, '../crash/kill/main.ts')
  const child = spawn(process.execPath, [main, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  return { code: await closed, report: JSON.parse(output) as Report }
}
