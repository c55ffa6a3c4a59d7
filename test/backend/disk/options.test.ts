import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DiskBackend } from '../../../src/backend/disk/disk-backend.ts'
import { MemoryBackend } from '../../../src/backend/memory.ts'
import { isBlobStoreError } from '../../../src/errors.ts'
import { newRoot } from './fixture.ts'

test('creating a backend does no I/O', () => {
  const root = newRoot()
  const backend = new DiskBackend({ root })
  expect(backend).toMatchObject({ name: 'disk', durable: process.platform !== 'win32' })
  expect(existsSync(root)).toBe(false)
})

test('a backend without durability says so', () => {
  expect(new DiskBackend({ root: '/x', durability: 'relaxed', name: 'old-disk' })).toMatchObject({
    name: 'old-disk',
    durable: false,
  })
  expect(new MemoryBackend()).toMatchObject({ name: 'memory', durable: false })
})

test.each([
  ['no root', {}],
  ['an empty root', { root: '' }],
  ['a root that is no string', { root: 7 }],
  ['a root with a NUL', { root: '/tmp/\0' }],
  ['an unknown durability', { root: '/x', durability: 'half' }],
  ['an empty name', { root: '/x', name: '' }],
  ['a name with upper case', { root: '/x', name: 'Disk' }],
  ['a name of 33 characters', { root: '/x', name: 'd'.repeat(33) }],
  ['an unknown option', { root: '/x', durable: true }],
])('%s is refused', (_, options) => {
  expect(() => new DiskBackend(options as never)).toThrow(
    expect.toSatisfy((error) => isBlobStoreError(error, 'InvalidArgument')),
  )
})

test('an unknown option is named, with the known ones', () => {
  expect(() => new DiskBackend({ root: '/x', path: '/x' } as never)).toThrow('DiskBackend: unknown option "path"')
  expect(() => new MemoryBackend({ root: '/x' } as never)).toThrow(
    'MemoryBackend: unknown option "root"; there are name',
  )
})
