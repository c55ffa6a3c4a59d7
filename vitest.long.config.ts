import { defineConfig } from 'vitest/config'

// What was not yet seen green on every machine, or takes longer than CI should: run by hand, `npm run test:long`.
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    globalSetup: ['test/servers/setup.ts'],
    testTimeout: 10 * 60_000,
    passWithNoTests: true,
  },
})
