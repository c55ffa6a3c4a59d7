import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/push/**'],
    testTimeout: 20_000,
    typecheck: { enabled: false },
  },
})
