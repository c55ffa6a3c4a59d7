import { readFileSync } from 'node:fs'
import { slug } from 'github-slugger'
import { defineConfig } from 'vitepress'

// Built by `npm run docs:site`, which writes the pages into .work and says where the website is.

const { version, repository } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const home = repository?.url?.replace(/^git\+|\.git$/g, '')

/** The groups of the manual's index: the pages stand in the site's menu as they do there. */
const sidebar = JSON.parse(readFileSync(new URL('../.work/menu.json', import.meta.url), 'utf8'))

export default defineConfig({
  title: 'pds-blobstore',
  description: 'The blob store that an AT Protocol PDS embeds',
  base: process.env.SITE_BASE ?? '/',
  srcDir: '.work/pages',
  cacheDir: '.work/cache',
  outDir: 'dist',
  ignoreDeadLinks: true, // scripts/site/links.ts follows them all, anchors too
  // The pages are GitHub's: HTML in them is text, and anchors are those that GitHub makes.
  markdown: {
    html: false,
    anchor: { slugify: (heading) => slug(heading) },
    languageAlias: { caddy: 'nginx', haproxy: 'ini' },
  },
  vite: { build: { chunkSizeWarningLimit: 8000 } }, // in kB: the index of the search, loaded when it is opened
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar,
    nav: [
      { text: 'Manual', link: '/manual' },
      { text: 'API', link: '/api' },
      {
        text: version,
        items: [
          { text: 'Changes', link: '/project/changelog' },
          { text: 'Other versions', link: '/upgrading#manuals-of-other-versions' },
        ],
      },
    ],
    ...(home && { socialLinks: [{ icon: 'github', link: home }] }),
    footer: { message: `Version ${version}. MIT licence.` },
  },
})
