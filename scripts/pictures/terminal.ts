import { startBrowser } from '../../test/browser/browser.ts'

/** The commands that are shown, by their beginnings: those of the walk through a store. */
const shown = [
  'pds-blobstore check',
  'pds-blobstore stats',
  'pds-blobstore collect --dry-run',
  'pds-blobstore scrub --all',
]

const fence = /(?<=^```console\n)[\s\S]*?(?=^```$)/gm

/** What the commands printed when `npm run docs:cli` recorded them, in docs/command-line.md. */
function recordedSession(page: string): { command: string; output: string }[] {
  const runs = [...page.matchAll(fence)].flatMap(([block]) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((run) => {
        const end = run.indexOf('\n')
        return { command: run.slice(0, end), output: run.slice(end + 1).trimEnd() }
      }),
  )
  return shown.map((command) => {
    const found = runs.find((run) => run.command === command)
    if (!found) throw new Error(`docs/command-line.md has no block with "$ ${command}". Name another command here`)
    return found
  })
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const style = `
  body { margin: 0; background: #16181d }
  pre { display: inline-block; box-sizing: border-box; width: 1000px; margin: 0; padding: 28px 32px; color: #d5d8df;
    font: 15px/1.5 'DejaVu Sans Mono', monospace; white-space: pre-wrap }
  b { color: #fff }`

/** A terminal with the recorded session: a PNG, 1000 pixels wide. */
export async function pictureOfTerminal(page: string): Promise<Buffer> {
  const text = recordedSession(page).map(({ command, output }) => `<b>$ ${escaped(command)}</b>\n${escaped(output)}`)
  const browser = await startBrowser()
  try {
    const window = await browser.newPage({ viewport: { width: 1000, height: 400 } })
    await window.setContent(`<style>${style}</style><pre>${text.join('\n\n')}</pre>`)
    return await window.locator('pre').screenshot()
  } finally {
    await browser.close()
  }
}
