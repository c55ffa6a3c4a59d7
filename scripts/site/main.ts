import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { project } from '../check-package/workshop.ts'
import { checkLinks } from './links.ts'
import { menuOf } from './menu.ts'
import { sitePages } from './pages.ts'

// npm run docs:site: builds the manual as a website in site/dist, and follows all its links. SITE_BASE is its path on
// the server, as `/pds-blobstore/`; the default is `/`. With `-- --serve` it then serves
// the site on http://localhost:4173, until Ctrl-C.

const site = join(project, 'site')
const base = process.env.SITE_BASE ?? '/'
if (!/^\/(?:.*\/)?$/.test(base)) throw new Error(`SITE_BASE must begin and end with a slash, as /docs/: it is ${base}`)

installMissing()
const pages = writePages()
vitepress('build')
const { checked, dead } = await checkLinks(join(site, 'dist'), base)
if (dead.length > 0) {
  console.error(`${dead.length} dead links. Correct them, or the headings they lead to:\n  ${dead.join('\n  ')}`)
  process.exitCode = 1
} else {
  console.log(`${pages} pages in site/dist; ${checked} addresses in them lead somewhere`)
}
if (process.argv.includes('--serve')) vitepress('preview')

function writePages(): number {
  rmSync(join(site, '.work/pages'), { recursive: true, force: true })
  const starts = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: project })]
  const files = sitePages(starts)
  for (const { path, content } of files) {
    const file = join(site, '.work/pages', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  const index = readFileSync(join(project, 'docs/README.md'), 'utf8')
  writeFileSync(join(site, '.work/menu.json'), JSON.stringify(menuOf(index)))
  return files.filter(({ path }) => path.endsWith('.md')).length
}

/** Its packages are only for this: most who work on the library never build the site. */
function installMissing(): void {
  if (existsSync(join(site, 'node_modules/vitepress'))) return
  console.log('Installing VitePress into site, once …')
  run('npm', ['ci', '--no-audit', '--no-fund'])
}

function vitepress(command: 'build' | 'preview'): void {
  run(process.execPath, [join(site, 'node_modules/vitepress/bin/vitepress.js'), command, '.'])
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: site, stdio: 'inherit' })
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(' ')} failed in site: see above`)
}
