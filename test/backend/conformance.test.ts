import { describe, inject, test } from 'vitest'
import { backendConformance } from '../../src/testing.ts'
import { diskPlace, memoryPlace, objectPlace, s3Place } from './places.ts'

describe.concurrent('MemoryBackend', () => {
  for (const { name, run } of backendConformance) test(name, () => run(memoryPlace))
})

describe.concurrent('DiskBackend', () => {
  for (const { name, run } of backendConformance) test(name, () => run(() => diskPlace()))
})

describe.skipIf(process.env.QUICK)('DiskBackend without durability', { concurrent: true }, () => {
  for (const { name, run } of backendConformance) test(name, () => run(() => diskPlace({ durability: 'relaxed' })))
})

describe.concurrent('ObjectBackend', () => {
  for (const { name, run } of backendConformance) test(name, () => run(objectPlace))
})

const s3 = inject('s3')
describe.skipIf(!s3)('S3Backend', { concurrent: true }, () => {
  for (const { name, run } of backendConformance) test(name, () => run(() => s3Place(s3 as NonNullable<typeof s3>)))
})
