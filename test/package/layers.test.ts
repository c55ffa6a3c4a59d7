import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

// docs/architecture.md says who may know whom. Goes red when a backend learns of the store, or the store of a disk.

const root = join(import.meta.dirname, '../../src')

/** What each folder may import, besides itself and the single files beside the folders. */
const mayImport: Record<string, readonly string[]> = {
  blob: [],
  backend: ['blob'],
  metadata: ['blob', 'backend'],
  tracing: ['backend', 'metadata', 'store'],
  store: ['blob', 'backend', 'metadata', 'maintenance', 'tracing'],
  maintenance: ['blob', 'backend', 'metadata', 'store'],
  http: ['blob', 'backend', 'metadata', 'store'],
  express: ['http', 'store'],
  images: ['blob', 'backend', 'metadata', 'store', 'http', 'express'],
  pds: ['blob', 'backend', 'metadata', 'maintenance', 'store'],
  exchange: ['blob', 'backend', 'metadata', 'maintenance', 'pds', 'store'],
  testing: ['blob', 'backend', 'metadata', 'store'],
  cli: ['blob', 'backend', 'exchange', 'maintenance', 'metadata', 'store'],
}

const imports = globSync('**/*.ts', { cwd: root }).flatMap((file) => {
  const code = readFileSync(join(root, file), 'utf8')
  const loaded = namedIn(stripTypeScriptTypes(code))
  return namedIn(code).map((path) => ({
    file,
    target: normalize(join(dirname(file), path)),
    isLoaded: loaded.includes(path),
  }))
})

function namedIn(code: string): string[] {
  return [...code.matchAll(/from '(?<path>\.[^']+)'/g)].map((match) => match.groups?.path ?? '')
}

const folderOf = (path: string): string | undefined => (path.includes('/') ? path.split('/')[0] : undefined)

test('folders import only what lies below them', () => {
  expect(imports.length).toBeGreaterThan(500)
  const wrong = imports.filter(({ file, target }) => {
    const [from, to] = [folderOf(file), folderOf(target)]
    return from !== undefined && to !== undefined && to !== from && !mayImport[from]?.includes(to)
  })
  expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
})

test('the store, its metadata and its maintenance know backends by their contract only', () => {
  const aboveBackends = ['metadata', 'store', 'maintenance', 'http', 'express', 'tracing', 'pds']
  const wrong = imports.filter(
    ({ file, target }) => aboveBackends.includes(folderOf(file) ?? '') && /^backend\/(\w+\/|memory)/.test(target),
  )
  expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
})

test('nothing imports an entry: those only list what they export', () => {
  const entries = [
    'index.ts',
    'http.ts',
    'express.ts',
    's3.ts',
    'pds.ts',
    'import.ts',
    'export.ts',
    'testing.ts',
    'cli.ts',
  ]
  expect(imports.filter(({ target }) => entries.includes(target)).map(({ file }) => file)).toEqual([])
})

test('no file waits for itself when it is loaded', () => {
  const importsOf = Map.groupBy(
    imports.filter(({ isLoaded }) => isLoaded),
    ({ file }) => file,
  )
  const seen = new Set<string>()
  const circles: string[] = []
  const follow = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start !== -1) circles.push([...path.slice(start), file].join(' → '))
    if (start !== -1 || seen.has(file)) return
    seen.add(file)
    for (const { target } of importsOf.get(file) ?? []) follow(target, [...path, file])
  }
  for (const file of importsOf.keys()) follow(file, [])
  expect(circles).toEqual([])
})
