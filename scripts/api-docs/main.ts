import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../check-package/workshop.ts'
import { apiPages } from './pages.ts'

// npm run docs:api: writes docs/api, from the type declarations of `npm run build`. The tests check that it was run.

const folder = join(project, 'docs/api')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
const pages = apiPages()
for (const { file, text } of pages) writeFileSync(join(folder, file), text)
console.log(`${pages.length} pages in docs/api`)
