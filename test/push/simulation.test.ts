import { expect, test } from 'vitest'
import { brokenRules } from '../model/simulation/broken-rules.ts'
import { runSimulation } from '../model/simulation.ts'

test(
  '2,000 lives of 300 operations lose nothing, and leave nothing',
  async () => {
    const { output } = await runSimulation(18, '--seeds', '2000')
    expect(output).toMatch(/^seeds 2000, operations 600000, .*, failures 0 in \d+ s\n$/)
  },
  20 * 60_000,
)

test.each(brokenRules)('lives without the rule %s do not', async (rule) => {
  const { output, failed } = await runSimulation(5, '--seeds', '20', '--break', rule)
  expect(failed).toBe(true)
  expect(output).toMatch(/seed \d+ failed after \d+ operations: Violation: /)
  expect(output).toMatch(new RegExp(`replay: npm run test:simulate -- --seed \\d+ --break ${rule}\n`))
})
