import { expect, test } from 'vitest'
import { runTrial } from '../trials/run-trial.ts'
import { brokenRules } from '../trials/simulate/broken-rules.ts'

test(
  '1,000 simulated lives of 300 operations lose nothing, and leave nothing',
  async () => {
    const { output } = await runTrial('simulate', 18, '--seeds', '1000')
    expect(output).toMatch(/^seeds 1000, operations 300000, .*, failures 0 in \d+ s\n$/)
  },
  20 * 60_000,
)

test.each(brokenRules)('simulated lives without the rule %s lose or leave something', async (rule) => {
  const { output, status } = await runTrial('simulate', 5, '--seeds', '20', '--break', rule)
  expect(status).toBe(1)
  expect(output).toMatch(/seed \d+ failed after \d+ operations: Violation: /)
  expect(output).toMatch(new RegExp(`replay: npm run trial -- simulate --seed \\d+ --break ${rule}\n`))
})
