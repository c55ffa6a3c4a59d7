import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasBrowser } from '../../test/browser/browser.ts'
import { project } from '../check-package/workshop.ts'
import { pictures } from './pictures.ts'

// npm run docs:pictures: takes the screenshots of the manual. Needs Chromium.

if (!hasBrowser()) process.exit(1)
for (const [file, take] of Object.entries(pictures)) {
  const png = await take()
  writeFileSync(join(project, file), png)
  console.log(`${file}: ${Math.round(png.length / 1024)} KiB`)
}
