import { defineConfig } from 'vitest/config'
import all from './vitest.all.config.ts'

/** Folders, and files, whose tests start processes or servers, wait long, or go through every step, fault or attack. */
const slow = [
  'backend/node-test.test.ts',
  'backend/s3',
  'bench',
  'cli',
  'crash',
  'distribution',
  'examples',
  'http/wire',
  'transfer',
  'images',
  'maintenance/deletion-limit.test.ts',
  'metadata/backup.test.ts',
  'metadata/checkpoints.test.ts',
  'model',
  'postgres',
  'privacy/hostile.test.ts',
  'processes',
  'security',
  'servers',
  'store/closing.test.ts',
  'trials',
]

// What `npm test` runs, in less than a minute: no servers, and of the places of a store those that differ most. The rest
// is in vitest.all.config.ts.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...(all.test?.exclude ?? []), ...slow.flatMap((name) => [`test/${name}`, `test/${name}/**`])],
    env: { PLACES: process.env.PLACES ?? 'memory|host', QUICK: '1' },
    // Half the time would go into loading the same modules for each file.
    isolate: false,
    maxWorkers: 2,
    testTimeout: 60_000,
  },
})
