import { defineConfig } from 'vitest/config'

// What is asked of each mutant: the tests nearest to it, in memory where they run at several places.
const include =
  process.env.MUTATE === 'blob'
    ? ['test/blob/**/*.test.ts']
    : ['test/{store,maintenance,metadata}/**/*.test.ts', 'test/crash/every-step.test.ts']

export default defineConfig({
  test: {
    include,
    exclude: ['test/store/defects.test.ts', 'node_modules/**'],
    env: { PLACES: 'memory' },
    testTimeout: 60_000,
  },
})
