import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { importsOf, packageOf } from './imports.ts'

// The build of `npm run build`, as a host loads it. Fails when an entry is renamed, when the build drops the `node:` of
// an import, or when the core loads what only one of its parts needs.

const root = join(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.entries(manifest.exports as Record<string, { default: string } | string>).filter(
  (entry): entry is [string, { default: string; types: string }] => typeof entry[1] !== 'string',
)

describe('the package', () => {
  test.each(entries)('exports %s', async (name, { default: file, types }) => {
    const module = await import(join('pds-blobstore', name))
    // Importing it is its whole effect.
    expect(Object.keys(module).length > 0).toBe(name !== './register')
    expect(readFileSync(join(root, types), 'utf8')).not.toBe('')
    expect(readFileSync(join(root, file), 'utf8')).not.toBe('')
  })

  test('loads SQLite only when an SQLite file is opened, S3 only where it is asked for, and no framework ever', () => {
    for (const [entry, { default: file }] of entries) {
      const { atOnce, later } = importsOf(join(root, file))
      // With a PDS it loads what the environment names, as the command line does; before there is one, nothing.
      const isRegister = entry === './register'
      if (isRegister) expect([...atOnce].filter((name) => !name.startsWith('node:'))).toEqual([])
      for (const name of isRegister ? atOnce : [...atOnce, ...later]) {
        expect(name, file).not.toMatch(/^(express|srvx|sharp|@img|@smithy|pg|vitest)/)
        if (entry !== './s3') expect(name, file).not.toMatch(/^@aws-sdk/)
      }
      expect([...atOnce], file).not.toContain('@aws-sdk/s3-request-presigner')
      expect([...atOnce], file).not.toContain('better-sqlite3')
    }
    // Kysely takes longer to load than all the rest.
    expect([...importsOf(join(root, 'dist/index.js')).atOnce]).not.toContain('kysely')
    expect([...importsOf(join(root, 'dist/index.js')).later]).toContain('better-sqlite3')
  })

  test('loads a core of less than 64 KiB, compressed, at start', () => {
    const code = [...importsOf(join(root, 'dist/index.js')).files].map((file) => readFileSync(file))
    expect(gzipSync(Buffer.concat(code)).length).toBeLessThan(64 * 1024)
  })

  test('imports nothing that it does not depend on', () => {
    const known = new Set(
      Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }),
    )
    for (const [, { default: file }] of entries) {
      const { atOnce, later } = importsOf(join(root, file))
      const packages = [...atOnce, ...later].filter((name) => !name.startsWith('node:'))
      for (const name of packages) expect(known, `${name} in ${file}`).toContain(packageOf(name))
    }
  })

  test('requires no installation of what only one of its parts needs', () => {
    for (const name of Object.keys(manifest.peerDependencies)) {
      expect(manifest.peerDependenciesMeta[name], name).toEqual({ optional: true })
    }
  })

  test('has one error class for all entries', async () => {
    const core = await import('pds-blobstore')
    const error = new core.BlobStoreError('BlobNotFound', 'gone')
    expect(core.isBlobStoreError(error, 'BlobNotFound')).toBe(true)
    expect(core.isBlobStoreError(Object.assign(new Error('gone'), { code: 'BlobNotFound' }))).toBe(false)
  })
})
