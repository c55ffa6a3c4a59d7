import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

// docs/architecture.md says which folder may import which. Fails when a backend imports the store, or the store a disk.

const root = join(import.meta.dirname, '../../src')

/** Files beside the folders, for everybody. */
const common = [
  'errors.ts',
  'logger.ts',
  'node-require.ts',
  'options.ts',
  'printable.ts',
  'programs.ts',
  'retry.ts',
  'shapes.ts',
]

/** What each folder may import, besides itself and these. */
const mayImport: Record<string, readonly string[]> = {
  blob: [],
  backend: ['blob'],
  metadata: ['blob', 'backend'],
  tracing: ['backend', 'metadata', 'blob-store.ts'],
  store: ['blob', 'backend', 'metadata', 'tracing'],
  maintenance: ['blob', 'backend', 'metadata', 'store'],
  metrics: ['metadata', 'maintenance', 'tracing', 'blob-store.ts'],
  http: ['blob', 'backend', 'metadata', 'store', 'blob-store.ts'],
  tus: ['store', 'blob-store.ts', 'http'],
  privacy: ['store'],
  inspect: ['blob', 'metadata', 'store', 'blob-store.ts'],
  images: ['blob', 'backend', 'metadata', 'store', 'blob-store.ts', 'http'],
  pds: ['blob', 'backend', 'metadata', 'maintenance', 'store', 'blob-store.ts', 'http'],
  transfer: ['blob', 'backend', 'metadata', 'maintenance', 'pds', 'store', 'blob-store.ts'],
  testing: ['blob', 'backend', 'metadata', 'blob-store.ts', 'blob-store-options.ts', 'create-blob-store.ts'],
  register: ['blob-store.ts', 'cli', 'maintenance', 'pds'],
  cli: ['blob', 'backend', 'transfer', 'maintenance', 'metadata', 'blob-store.ts', 'create-blob-store.ts'],
}

const imports = globSync('**/*.ts', { cwd: root }).flatMap((file) => {
  const code = readFileSync(join(root, file), 'utf8')
  // Types too, and what is loaded later: a reader must follow them all.
  const named = code.matchAll(/\b(?:from |import\()'(?<path>\.[^']+)'/g)
  return [...named].map((match) => ({ file, target: normalize(join(dirname(file), match.groups?.path ?? '')) }))
})

/** The folder, or the file beside the folders. */
const partOf = (path: string): string => path.split('/')[0] as string

test('folders import only from lower layers', () => {
  expect(imports.length).toBeGreaterThan(500)
  const wrong = imports.filter(({ file, target }) => {
    const [from, to] = [partOf(file), partOf(target)]
    return file !== from && to !== from && !common.includes(to) && !mayImport[from]?.includes(to)
  })
  expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
})

test('docs/architecture.md has a row for each folder, and names only existing files', () => {
  const page = readFileSync(join(root, '../docs/architecture.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `(?<folder>[a-z]+)\/` \|/gm)].map((match) => match.groups?.folder)
  expect(rows.toSorted()).toEqual(Object.keys(mayImport).toSorted())
  expect(rows.toSorted()).toEqual(
    [...new Set(imports.map(({ file }) => partOf(file)).filter((part) => !part.endsWith('.ts')))].toSorted(),
  )
  const files = [...page.matchAll(/`(?<file>[a-z0-9-]+(?:\/[a-z0-9-]+)+\.ts)`/g)].map(
    (match) => match.groups?.file ?? '',
  )
  expect(files.length).toBeGreaterThan(5)
  expect(files.filter((file) => !existsSync(join(root, file)) && !existsSync(join(root, '..', file)))).toEqual([])
})

test('modules that every folder may import do not import other folders', () => {
  const wrong = imports.filter(({ file, target }) => common.includes(file) && !common.includes(target))
  expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
})

test('the store, its metadata and its maintenance use backends only by their contract', () => {
  const aboveBackends = ['metadata', 'store', 'maintenance', 'http', 'tracing', 'pds']
  const wrong = imports.filter(
    ({ file, target }) => aboveBackends.includes(partOf(file)) && /^backend\/(\w+\/|memory)/.test(target),
  )
  expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
})

test('no file imports an entry: entries only list what they export', () => {
  const entries = Object.values(manifest.exports as Record<string, string | { default: string }>).flatMap((entry) =>
    typeof entry === 'string' ? [] : basename(entry.default).replace(/\.js$/, '.ts'),
  )
  expect(entries).toContain('index.ts')
  expect(imports.filter(({ target }) => entries.includes(target)).map(({ file }) => file)).toEqual([])
})

test('no file imports itself, directly or through others', () => {
  const importsOf = Map.groupBy(imports, ({ file }) => file)
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
