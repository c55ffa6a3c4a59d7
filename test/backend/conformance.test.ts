import { describe, test } from 'vitest'
import { backendConformance } from '../../src/testing.ts'
import { diskPlace, memoryPlace } from './places.ts'

describe.concurrent('MemoryBackend', () => {
  for (const { name, run } of backendConformance) test(name, () => run(memoryPlace))
})

describe.concurrent('DiskBackend', () => {
  for (const { name, run } of backendConformance) test(name, () => run(() => diskPlace()))
})

describe.concurrent('DiskBackend without durability', () => {
  for (const { name, run } of backendConformance) test(name, () => run(() => diskPlace({ durability: 'none' })))
})
