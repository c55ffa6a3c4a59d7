// The suite under another runner: `node --test`. `node-test.test.ts` starts it.
import { describe, test } from 'node:test'
import { backendConformance } from '../../src/testing.ts'
import { memoryPlace } from './places.ts'

describe('MemoryBackend', { concurrency: true }, () => {
  for (const { name, run } of backendConformance) test(name, () => run(memoryPlace))
})
