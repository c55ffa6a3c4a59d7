import { defineConfig } from 'vitest/config'

// What takes longer than a developer should wait: run by `npm run test:push`, and by CI.
export default defineConfig({
  test: {
    include: ['test/push/**/*.test.ts', 'test/pds/real/**/*.test.ts'],
    globalSetup: ['test/servers/setup.ts'],
    testTimeout: 10 * 60_000,
    hookTimeout: 60_000,
    // Many of these start processes of their own: more at once only wait for each other.
    maxWorkers: 2,
  },
})
