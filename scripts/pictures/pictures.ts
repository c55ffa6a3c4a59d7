import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { project } from '../check-package/workshop.ts'
import { pictureOfPage } from './page.ts'
import { pictureOfTerminal } from './terminal.ts'

/** The screenshots of the manual: the file of each, and how it is taken. Each starts a Chromium. */
export const pictures: Readonly<Record<string, () => Promise<Buffer>>> = {
  'docs/page.png': async () => small(await pictureOfPage()),
  'docs/command-line.png': async () =>
    small(await pictureOfTerminal(readFileSync(join(project, 'docs/command-line.md'), 'utf8'))),
}

/** With a palette: a screenshot needs no more colours, and half the bytes. */
const small = (png: Buffer): Promise<Buffer> => sharp(png).png({ palette: true, effort: 10 }).toBuffer()
