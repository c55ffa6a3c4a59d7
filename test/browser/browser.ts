import { existsSync } from 'node:fs'
import { type Browser, chromium, firefox } from 'playwright-core'
import { startWebKit } from './webkit/page.ts'

type BrowserName = 'chromium' | 'firefox' | 'webkit'

/** The browser of this run: each project of vitest.browser.config.ts names one. */
export const browserName = (process.env.BROWSER ?? 'chromium') as BrowserName

const programs: Record<BrowserName, { path: string; packages: string }> = {
  chromium: { path: process.env.CHROMIUM ?? '/usr/bin/chromium', packages: 'chromium' },
  firefox: { path: process.env.FIREFOX ?? '/usr/bin/firefox-esr', packages: 'firefox-esr libavcodec59' },
  webkit: { path: '/usr/bin/WebKitWebDriver', packages: 'webkit2gtk-driver gstreamer1.0-libav xvfb' },
}
const { path, packages } = programs[browserName]

/** Whether there is a browser to test in. With REQUIRE_BROWSER=1 its absence is a failure. */
export function hasBrowser(): boolean {
  if (existsSync(path)) return true
  const how = `There is no ${path}: apt-get install --no-install-recommends ${packages}`
  if (process.env.REQUIRE_BROWSER === '1') throw new Error(how)
  process.stderr.write(`Skipped, not tested in ${browserName}. ${how}\n`)
  return false
}

/** A browser that talks to nobody but the page's server. */
export async function startBrowser(): Promise<Browser> {
  if (browserName === 'webkit') return startWebKit()
  const options = { executablePath: path, timeout: 30_000 }
  // A Firefox as it is, over WebDriver BiDi. Without the channel playwright expects a Firefox of its own.
  if (browserName === 'firefox') return await firefox.launch({ ...options, channel: 'moz-firefox' })
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update']
  return await chromium.launch({
    ...options,
    chromiumSandbox: process.getuid?.() !== 0, // Chromium's own sandbox does not start as root
    args: ['--disable-gpu', '--disable-sync', ...quiet],
  })
}
