import { afterAll, inject } from 'vitest'

// In each test file's process: which mutant is active, and which were reached.

const hits = { static: {} as Record<string, number>, perTest: {} }
const instruments = {
  activeMutant: inject('mutant'),
  mutantCoverage: hits,
  // A loop without waiting ends here.
  hitCount: 0,
  hitLimit: 100_000,
}
Object.assign(globalThis, { __stryker__: instruments })

// biome-ignore lint/correctness/noEmptyPattern: vitest reads it, and wants a pattern
afterAll(({}, suite) => {
  Object.assign(suite.file.meta, { passed: Object.keys(hits.static) })
})
