import { defineConfig } from 'vitest/config'
import all from './vitest.all.config.ts'

/** Folders whose tests start processes or servers, or go through every step, fault or attack. */
const slow = [
  'backend/s3',
  'bench',
  'cli',
  'crash',
  'examples',
  'http/wire',
  'transfer',
  'images',
  'model',
  'postgres',
  'processes',
  'security',
  'servers',
  'trials',
]

// What `npm test` runs, in less than a minute: no servers, and of the places of a store those that differ most. The rest
// is in vitest.all.config.ts.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...(all.test?.exclude ?? []), ...slow.map((folder) => `test/${folder}/**`)],
    env: { PLACES: process.env.PLACES ?? 'memory|host' },
    // Half the time would go into loading the same modules for each file.
    isolate: false,
    maxWorkers: 2,
    testTimeout: 60_000,
  },
})
