import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// Row 32 of the table of attacks: what a host installs. Fails when a file that is not for hosts gets into the tarball,
// when a script runs on their machines, or when there is a new dependency. Needs `npm run build`.

const root = join(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

test('the tarball contains what was built, the manual, the examples, the licence and the manifest, and nothing else', {
  timeout: 60_000,
}, () => {
  const out = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8' })
  const result: unknown = JSON.parse(out)
  const [{ files }] = Object.values(result as object) as [{ files: { path: string }[] }]
  const paths = files.map(({ path }) => path)
  const allowed =
    /^(?:dist\/[A-Za-z0-9_./-]+\.(?:m?js|d\.ts|js\.map|d\.ts\.map)|(?:docs|examples)\/[A-Za-z0-9_./-]+\.(?:md|m?[jt]s|json|svg|png|html|css|yaml)|examples\/[a-z-]+\/Dockerfile|[A-Z]+(?:\.md)?|package\.json)$/
  expect(paths.filter((path) => !allowed.test(path))).toEqual([])
  expect(paths.filter((path) => path.includes('..'))).toEqual([])
  for (const { default: file, types } of Object.values(manifest.exports) as { default: string; types: string }[]) {
    if (file) expect(paths).toEqual(expect.arrayContaining([file.slice(2), types.slice(2)]))
  }
  expect(paths).toContain('LICENSE')
})

test('the package runs nothing when it is installed', () => {
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare', 'prepublish']
  expect(hooks.filter((name) => name in manifest.scripts)).toEqual([])
})

test('the dependencies are those that were reviewed', () => {
  expect(Object.keys(manifest.dependencies).sort()).toEqual([
    '@ipld/dag-cbor',
    'commander',
    'file-type',
    'kysely',
    'mime',
    'multiformats',
    'p-limit',
    'p-retry',
  ])
  expect(Object.keys(manifest.optionalDependencies)).toEqual(['better-sqlite3'])
  expect(manifest.dependencies['file-type'], 'an upgrade changes stored types').toMatch(/^~22\.([3-9]|\d\d)/)
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    expect(range, name).not.toMatch(/^(?:git|http|file|github)|\//)
  }
})
