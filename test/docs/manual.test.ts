import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { effectiveMimeType, type MimePolicy, traceChannels } from '../../src/index.ts'
import { manual, pagesOf, project } from './pages.ts'

describe('the manual', () => {
  test.each(pagesOf('*.md', 'llms.txt', 'docs/*.md', 'examples/*/*.md', 'test/**/*.md'))(
    'has no dead link: $path',
    ({ path, text }) => {
      const links = [...text.matchAll(/\]\((?<target>[^)\s]+)\)/g)].map((match) => match.groups?.target ?? '')
      const dead = links.filter((target) => !/^https?:/.test(target) && !leadsSomewhere(path, target))
      expect(dead).toEqual([])
    },
  )

  test('has every page in its index', () => {
    const index = readFileSync(join(project, 'docs/README.md'), 'utf8')
    const names = pagesOf('docs/*.md').map(({ path }) => path.slice('docs/'.length))
    expect(names.filter((name) => name !== 'README.md' && !index.includes(`(${name})`))).toEqual([])
  })

  test('explains every error code, and no other', () => {
    const codes = readFileSync(join(project, 'src/errors.ts'), 'utf8').matchAll(/^ {2}\| '(\w+)'$/gm)
    const explained = readFileSync(join(project, 'docs/errors.md'), 'utf8').matchAll(/^\| `(\w+)` \|/gm)
    expect([...explained].map((match) => match[1]).sort()).toEqual([...codes].map((match) => match[1]).sort())
  })

  test('explains every error in the comment of the codes, too', () => {
    const source = readFileSync(join(project, 'src/errors.ts'), 'utf8')
    const codes = source.matchAll(/^ {2}\| '(\w+)'$/gm)
    const rows = [...source.matchAll(/^ \* \| (?<codes>`[^|]+`) \|/gm)].map((match) => match.groups?.codes ?? '')
    const explained = rows.flatMap((row) => [...row.matchAll(/`([\w.]+)`/g)])
    expect(explained.map((match) => match[1]).sort()).toEqual([...codes].map((match) => match[1]).sort())
  })

  test('describes declared and sniffed types correctly', () => {
    const page = readFileSync(join(project, 'docs/uploads-and-limits.md'), 'utf8')
    const table = /^\| declared \| sniffed \|.*\n\|[-|]+\n(?<rows>(?:\|.*\n)+)/m.exec(page)?.groups?.rows ?? ''
    const rows = table
      .trim()
      .split('\n')
      .map((row) => row.slice(2, -2).split(' | '))
    expect(
      rows.map(([declared = '', sniffed = '']) => [declared, sniffed, ...effectiveTypes(declared, sniffed)]),
    ).toEqual(rows)
  })

  test('shows the backend of the examples unchanged', () => {
    const page = readFileSync(join(project, 'docs/writing-a-backend.md'), 'utf8')
    for (const file of ['http-backend.ts', 'http-backend.test.ts', 'file-server.ts']) {
      const code = readFileSync(join(project, 'examples/backend', file), 'utf8')
      expect(page).toContain(`\`\`\`ts file=${file}\n${code}\`\`\``)
    }
  })

  test('names every channel of an operation, and of a backend’s call', () => {
    const page = readFileSync(join(project, 'docs/monitoring.md'), 'utf8')
    const rowOf = (channel: string) =>
      page.split('\n').find((line) => line.startsWith(`| \`pds-blobstore:${channel}`)) ?? ''
    const namesIn = (row: string) => [...row.matchAll(/`([\w.]+)`/g)].map((match) => match[1]).sort()
    expect(namesIn(rowOf('<operation>'))).toEqual(Object.keys(traceChannels.store).sort())
    expect(namesIn(rowOf('backend:<method>'))).toEqual(Object.keys(traceChannels.backend).sort())
  })

  test.each(pagesOf('CONTRIBUTING.md', 'test/README.md'))('names only existing files: $path', ({ path, text }) => {
    const words = [...text.replaceAll(/```[^`]*```/g, '').matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) =>
      code.split(/[ ,;]+/),
    )
    const files = words.filter((word) => /^[\w.][\w.*-]*(?:\/[\w.*-]*)+$/.test(word))
    expect(files.length).toBeGreaterThan(1)
    // Files of the source are named as from `src`, and sometimes without their ending.
    const places = [dirname(path), '.', 'src'].flatMap((folder) => ['', '.ts'].map((end) => ({ folder, end })))
    const isThere = (file: string) =>
      places.some(({ folder, end }) => globSync(join(folder, file) + end, { cwd: project }).length > 0)
    expect(files.filter((file) => !isThere(file))).toEqual([])
  })

  test.each(pagesOf('*.md', 'docs/*.md', 'test/README.md').filter(({ path }) => path !== 'CHANGELOG.md'))(
    'names only existing npm commands: $path',
    ({ text }) => {
      const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
      const names = [...text.matchAll(/npm run ([\w:-]+)|`(test:[\w-]+)`/g)].map(([, run, name]) => run ?? name ?? '')
      expect(names.filter((name) => !(name in scripts))).toEqual([])
    },
  )

  // Who installs from npm has the manual in node_modules/pds-blobstore/docs.
  test('has every page and heading that a message or a comment of the source names', () => {
    const source = pagesOf('src/**/*.ts').map(({ text }) => text.replaceAll(/' \+\n\s*'/g, ''))
    const cited = source.flatMap((text) => [
      ...text.matchAll(
        /(?:"(?<before>[A-Z][^"\n]+)" in )?[\w/-]*docs\/(?<page>[a-z-]+\.md)(?:, (?<after>[A-Z][a-z]+))?/g,
      ),
    ])
    expect(cited.length).toBeGreaterThan(10)
    for (const { groups: { page = '', before, after } = {}, ...at } of cited) {
      const text = readFileSync(join(project, 'docs', page), 'utf8')
      const heading = before ?? after
      if (heading !== undefined) expect(text, at[0]).toMatch(new RegExp(`^#+ ${heading}$`, 'm'))
    }
    expect(cited.filter(({ groups }) => groups?.before ?? groups?.after).length).toBeGreaterThan(3)
    const { files } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
    expect(files).toContain('docs')
  })

  test('names its pages in messages as the package has them', () => {
    const strings = pagesOf('src/**/*.ts').flatMap(({ text }) =>
      text.split('\n').filter((line) => /docs\/[a-z-]+\.md/.test(line) && !/^\s*(?:\/?\*|\/\/)/.test(line)),
    )
    expect(strings.filter((line) => !line.includes('pds-blobstore/docs/'))).toEqual([])
  })

  test('gives a logger to every store that serves', () => {
    const pages = pagesOf('README.md', 'docs/{getting-started,http,images}.md', 'examples/{express,hono,pds}/*.ts')
    const stores = pages.flatMap(({ path, text }) => {
      const blocks = path.endsWith('.md') ? text.split('```').filter((_, at) => at % 2 === 1) : [text]
      const serving = blocks.filter((code) => /listen\(|serve\(|Router\(|openStore\(|attachBlobStore\(/.test(code))
      return serving.flatMap((code) =>
        [...code.matchAll(/createBlobStore\(\{[\s\S]*?\n? *\}\)\n/g)].map(([store]) => ({ path, store })),
      )
    })
    expect(stores.length).toBeGreaterThan(5)
    expect(stores.filter(({ store }) => !store.includes('logger')).map(({ path }) => path)).toEqual([])
  })

  test('says how to run the demo and the tests', () => {
    const [readme] = manual()
    for (const command of ['npm ci && npm run demo', 'npm ci && npm test'])
      expect(readme?.text).toContain(`${command}\n`)
  })
})

function effectiveTypes(declared: string, sniffed: string): string[] {
  const known = (type: string) => (type === 'nothing' ? null : type)
  return (['sniffed', 'agree', 'declared'] satisfies MimePolicy[]).map((policy) => {
    try {
      return effectiveMimeType({ declared: known(declared), sniffed: known(sniffed), policy })
    } catch {
      return 'refused'
    }
  })
}

function leadsSomewhere(from: string, target: string): boolean {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? join(project, from) : join(project, dirname(from), path)
  if (!existsSync(file)) return false
  if (anchor === undefined) return true
  return headings(readFileSync(file, 'utf8')).includes(anchor)
}

/** The anchors that GitHub makes of the headings. */
function headings(text: string): string[] {
  const lines = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '')
  return lines.map((line) =>
    line
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
