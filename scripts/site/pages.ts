import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, extname, join, posix } from 'node:path'
import { project } from '../check-package/workshop.ts'

/** A file of the site's source: VitePress makes a page of each Markdown file. */
export interface SiteFile {
  /** Within the site. */
  path: string
  content: string | Buffer
}

const pictures: ReadonlySet<string> = new Set(['.png', '.svg'])

/** Code first, so that nothing in it is taken for a link. */
const codeOrLink = /^(`{3,})[^\n]*\n[\s\S]*?^\1$|`[^`\n]+`|<!--[\s\S]*?-->|(?<=\])\((?<target>[^)\s]+)\)/gm

/**
 * The whole site, from the files of the project: `starts`, and what they link to, and so on. Files that are not Markdown
 * become pages that show their text, so that links into the source need no other website, and show the same version.
 * @throws an error that names the page and the link, if a linked file does not exist; or the two files that would be one page
 */
export function sitePages(starts: readonly string[]): SiteFile[] {
  const pages = new Map<string, SiteFile>()
  const waiting = [...starts]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (pages.has(path)) continue
    const { file, links } = read(path)
    pages.set(path, file)
    waiting.push(...links)
  }
  const places = new Map<string, string>()
  for (const [path, file] of pages) {
    const other = places.get(file.path)
    if (other !== undefined)
      throw new Error(`${path} and ${other} would both be ${file.path}. Give one of them another place`)
    places.set(file.path, path)
  }
  return [...pages.values()]
}

/** Where a file of the project is in the site: the manual at its root, and the README is its first page. */
export function placeOf(path: string): string {
  if (path === 'README.md') return 'index.md'
  if (path === 'docs/README.md') return 'manual.md'
  const inSite = path.replace(/^docs\//, '')
  if (pictures.has(extname(path))) return inSite
  // A dot would be taken for an ending of the page's address.
  if (!path.endsWith('.md')) return `source/${path.replaceAll('.', '-')}.md`
  if (!path.includes('/')) return `project/${path.toLowerCase()}`
  // `docs/api` has a page of that name, besides its README.
  return inSite.replace(/^api\/README\.md$/, 'api.md').replace(/README\.md$/, 'index.md')
}

function read(path: string): { file: SiteFile; links: string[] } {
  const full = join(project, path)
  if (statSync(full).isDirectory()) return folderPage(path, readdirSync(full).sort())
  if (pictures.has(extname(path))) return { file: { path: placeOf(path), content: readFileSync(full) }, links: [] }
  const text = readFileSync(full, 'utf8')
  return path.endsWith('.md') ? markdownPage(path, text) : sourcePage(path, text)
}

function markdownPage(path: string, text: string): { file: SiteFile; links: string[] } {
  const links: string[] = []
  const content = text.replaceAll(codeOrLink, (found: string, ...rest: unknown[]) => {
    if (found.startsWith('<!--')) return ''
    const { target } = rest.at(-1) as { target?: string }
    if (target === undefined || /^(?:\w+:|#)/.test(target)) return found
    const [file = '', anchor] = target.split('#')
    const linked = posix.join(dirname(path), file).replace(/\/$/, '')
    if (!statSync(join(project, linked), { throwIfNoEntry: false })) {
      throw new Error(`${path} links to ${target}, which does not exist. Correct the link`)
    }
    links.push(linked)
    const to = posix.relative(dirname(placeOf(path)), placeOf(linked))
    return `(${to.startsWith('.') ? to : `./${to}`}${anchor === undefined ? '' : `#${anchor}`})`
  })
  return { file: { path: placeOf(path), content }, links }
}

/** Not in the search, where it would hide the manual. */
const unsearched = '---\nsearch: false\noutline: false\n---\n\n'

function sourcePage(path: string, text: string): { file: SiteFile; links: string[] } {
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)))
  const language = extname(path).slice(1) || 'text'
  const content = `${unsearched}# \`${path}\`\n\n${fence}${language}\n${text.trimEnd()}\n${fence}\n`
  return { file: { path: placeOf(path), content }, links: [] }
}

function folderPage(path: string, names: readonly string[]): { file: SiteFile; links: string[] } {
  const links = names.filter((name) => !pictures.has(extname(name))).map((name) => `${path}/${name}`)
  const place = placeOf(path)
  const rows = links.map((link) => `- [\`${link}\`](./${posix.relative(dirname(place), placeOf(link))})`)
  return { file: { path: place, content: `${unsearched}# \`${path}/\`\n\n${rows.join('\n')}\n` }, links }
}
