import { globSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../check-package/workshop.ts'

interface Linkinator {
  check(options: object): Promise<{ links: { url: string; parent?: string; state: string; status?: number }[] }>
}

export interface LinkReport {
  /** How many links were followed. */
  checked: number
  /** Each with the page it is on; and the pages to which no link leads. */
  dead: string[]
}

/**
 * Follows every link within a built site, anchors too. Other websites are not asked.
 * @param base the site's path on its server: `/` or `/name/`
 */
export async function checkLinks(built: string, base: string): Promise<LinkReport> {
  const linkinator: Linkinator = await import(join(project, 'site/node_modules/linkinator/build/src/index.js'))
  const { links } = await linkinator.check({
    path: '.',
    serverRoot: built,
    recurse: true,
    checkFragments: true,
    linksToSkip: ['^https?://(?!127\\.0\\.0\\.1:)'],
    // The server has the site at its root, whose links begin with its base.
    urlRewriteExpressions: [{ pattern: new RegExp(`^(http://127\\.0\\.0\\.1:\\d+)${base}`), replacement: '$1/' }],
  })
  const followed = links.filter(({ state }) => state !== 'SKIPPED')
  const dead = followed.filter(({ state }) => state === 'BROKEN')
  const reached = new Set(
    followed.map(({ url }) => join('/', pathOf(url).replace(/#.*/, '')).replace(/\/$/, '/index.html')),
  )
  const unreached = globSync('**/*.html', { cwd: built }).filter(
    (page) => page !== '404.html' && !reached.has(`/${page}`),
  )
  return {
    checked: followed.length,
    dead: [
      ...dead.map(({ url, parent, status }) => `${pathOf(parent)}: ${pathOf(url)} (${status})`),
      ...unreached.map((page) => `no page leads to ${page}`),
    ],
  }
}

const pathOf = (url = ''): string => url.replace(/^https?:\/\/127\.0\.0\.1:\d+/, '')
