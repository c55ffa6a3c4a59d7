import { defineConfig } from 'vitest/config'

// What is asked of each mutant: the tests nearest to it, in memory where they run at several places. By a command, since
// Stryker's own runner of version 9 sees nothing of what fails inside `describe` in vitest 5, and lets such mutants live.
const store = ['between-the-steps', 'upload', 'quota', 'accounts', 'hooks', 'indistinguishable']
const maintenance = ['meanwhile', 'collect', 'brake']
const include =
  process.env.MUTATE === 'blob'
    ? ['test/blob/**/*.test.ts']
    : [`test/store/{${store}}.test.ts`, `test/maintenance/{${maintenance}}.test.ts`]

export default defineConfig({
  test: {
    include,
    env: { PLACES: 'memory' },
    testTimeout: 60_000,
  },
})
