import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const path = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Whether there is a browser to test in. With REQUIRE_BROWSER=1 its absence is a failure. */
export function hasChromium(): boolean {
  if (existsSync(path)) return true
  const how = `There is no ${path}: apt-get install --no-install-recommends chromium, or name another one in CHROMIUM`
  if (process.env.REQUIRE_BROWSER === '1') throw new Error(how)
  process.stderr.write(`Skipped, not tested in a browser. ${how}\n`)
  return false
}

/** A Chromium that talks to nobody but the page's server. */
export function startChromium(): Promise<Browser> {
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update']
  return chromium.launch({
    executablePath: path,
    chromiumSandbox: process.getuid?.() !== 0, // Chromium's own sandbox does not start as root
    args: ['--disable-gpu', '--disable-sync', ...quiet],
    timeout: 30_000,
  })
}
