import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'

// What takes longer than a developer should wait: run by `npm run test:push`, and by CI.
// Which line of @atproto/pds the tests in test/pds/real run on: see examples/pds/package.json.
const older = fileURLToPath(new URL('examples/pds/node_modules/@atproto/pds-0.4/dist/index.js', import.meta.url))
const alias = process.env.PDS_LINE === '0.4' ? { '#pds': older } : undefined

export default defineConfig({
  ...(alias && { resolve: { alias } }),
  test: {
    include: ['test/push/**/*.test.ts', 'test/pds/real/**/*.test.ts'],
    globalSetup: ['test/servers/setup.ts'],
    testTimeout: 20 * 60_000,
    hookTimeout: 60_000,
    // Many of these start processes of their own: more at once only wait for each other.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
})
