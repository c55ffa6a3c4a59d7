import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exportsOf } from '../../scripts/api-docs/declarations.ts'
import { apiPages } from '../../scripts/api-docs/pages.ts'
import { project } from './pages.ts'

// Needs the build of `npm run build`.

const pages = apiPages()

test('the reference matches the types: otherwise run `npm run docs:api`', () => {
  const folder = join(project, 'docs/api')
  expect(readdirSync(folder).sort()).toEqual(pages.map(({ file }) => file).sort())
  for (const { file, text } of pages) expect(readFileSync(join(folder, file), 'utf8'), file).toBe(text)
})

test('everything that can be imported is in the reference', async () => {
  const source = readFileSync(join(project, 'src/index.ts'), 'utf8').replaceAll(/\/\/.*$/gm, '')
  const names = [...source.matchAll(/\{(?<names>[^}]*)\} from/g)]
    .flatMap((match) => match.groups?.names?.split(',') ?? [])
    .map((name) => name.replace('type ', '').trim())
    .filter((name) => name !== '')
  const declared = exportsOf(join(project, 'dist/index.d.ts')).map(({ name }) => name)
  expect(declared.sort()).toEqual(names.sort())
  expect(Object.keys(await import('../../src/index.ts')).filter((name) => !declared.includes(name))).toEqual([])
})

test('no comment syntax of the source is left in the reference', () => {
  for (const { file, text } of pages) {
    const prose = text.replaceAll(/```ts\n[\s\S]*?\n```/g, '')
    expect(prose, file).not.toMatch(/\{@|^@|\/\*\*|\*\/|^ ?\* [^*]/m)
    for (const [, anchor = ''] of text.matchAll(/\]\(#(\w+)\)/g)) {
      expect(text.toLowerCase(), file).toContain(`\n## ${anchor}\n`)
    }
  }
})
