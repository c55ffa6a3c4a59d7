import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { menuOf } from '../../scripts/site/menu.ts'
import { placeOf, sitePages } from '../../scripts/site/pages.ts'
import { project } from './pages.ts'

// The site itself is built by `npm run docs:site`, which follows its links.

const files = sitePages(['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: project })])
const textOf = (path: string) => String(files.find((file) => file.path === path)?.content)

describe('the website', () => {
  test('has a page for each page of the manual, in its menu', () => {
    const links = menuOf(readFileSync(join(project, 'docs/README.md'), 'utf8')).flatMap(({ items }) => items)
    const paths = files.map(({ path }) => `/${path.replace(/\.md$/, '')}`)
    expect(links.filter(({ link }) => !paths.includes(link))).toEqual([])
    const pages = globSync('docs/*.md', { cwd: project }).filter((path) => path !== 'docs/README.md')
    expect(links.map(({ link }) => `docs${link}.md`).sort()).toEqual(
      [...pages, 'docs/api.md'].sort(), // docs/api/README.md
    )
  })

  test('leads to the README, the changelog and files of the source, each as a page', () => {
    for (const path of ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'src/backend/backend.ts', 'examples/shutdown.ts']) {
      expect(textOf(placeOf(path)), path).not.toBe('undefined')
    }
    expect(textOf('upgrading.md')).toContain('](./project/changelog.md)')
    expect(textOf('index.md')).toContain('](./api/index.md#blobstore)')
    expect(textOf('index.md')).toContain('](./page.png)')
    expect(textOf('api/index.md')).not.toBe(textOf('api.md'))
  })

  test('shows a file of the source unchanged', () => {
    const source = readFileSync(join(project, 'src/backend/backend.ts'), 'utf8')
    expect(textOf('source/src/backend/backend-ts.md')).toContain(source.trimEnd())
  })

  test('leaves links in code and to other websites as they are, and no comment of HTML', () => {
    const page = readFileSync(join(project, 'docs/benchmarks.md'), 'utf8')
    expect(page).toContain('<!--')
    expect(textOf('benchmarks.md')).not.toContain('<!--')
    const fences = (text: string) => text.match(/^```[\s\S]*?^```$/gm)
    expect(fences(textOf('http.md'))).toEqual(fences(readFileSync(join(project, 'docs/http.md'), 'utf8')))
    expect(textOf('metadata.md')).toContain('](https://sqlite.org/')
  })

  test('is not built with a link to a file that does not exist', () => {
    mkdirSync(join(project, '.demo'), { recursive: true })
    const folder = mkdtempSync(join(project, '.demo/site-'))
    try {
      writeFileSync(join(folder, 'page.md'), 'To [nowhere](nowhere.md)')
      const path = relative(project, join(folder, 'page.md'))
      expect(() => sitePages([path])).toThrow(`${path} links to nowhere.md, which does not exist`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
