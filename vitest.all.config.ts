import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'

// Every test that does not take minutes, on every place and backend: `npm run test:all`, and CI.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/push/**', 'test/pds/real/**', 'test/browser/**'],
    globalSetup: ['test/servers/setup.ts'],
    // The default is one less than there are cores, and most tests wait more than they compute.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    // `npm run coverage`: see test/README.md for what is left out, and why.
    coverage: {
      provider: 'v8',
      include: ['src/**'],
      exclude: ['src/testing/**'],
      reporter: ['text', 'json', 'json-summary'],
      thresholds: { branches: 95, functions: 95, lines: 97, statements: 97 },
    },
  },
})
