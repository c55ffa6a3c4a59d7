import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/push/**', 'test/long/**', 'test/pds/real/**', 'node_modules/**'],
    globalSetup: ['test/servers/setup.ts'],
    testTimeout: 60_000,
  },
})
