import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/push/**', 'test/pds/real/**', 'node_modules/**'],
    globalSetup: ['test/servers/setup.ts'],
    testTimeout: 60_000,
    // `npm run coverage`.
    coverage: {
      provider: 'v8',
      include: ['src/**'],
      reporter: ['text', 'json', 'json-summary'],
    },
  },
})
