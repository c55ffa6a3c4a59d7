import { defineConfig } from 'vitest/config'

// The example's page in a real Chromium: `npm run test:browser`, and CI.
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // One browser at a time: a second one only makes both slow.
    fileParallelism: false,
  },
})
