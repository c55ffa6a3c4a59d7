import { defineConfig } from 'vitest/config'

// What is asked of each mutant: the tests nearest to it, in memory where they run at several places.
const store = ['upload', 'between-the-steps', 'quota', 'accounts', 'indistinguishable', 'hooks', 'moderation']
const maintenance = ['collect', 'meanwhile', 'brake', 'scrub']
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
