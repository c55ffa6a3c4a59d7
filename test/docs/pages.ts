import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const project: string = resolve(import.meta.dirname, '../..')

/** A file that people read: its path within the project, and its text. */
export interface Page {
  path: string
  text: string
}

export function pagesOf(...patterns: string[]): Page[] {
  return globSync(patterns, { cwd: project })
    .sort()
    .map((path) => ({ path, text: readFileSync(join(project, path), 'utf8') }))
}

/** The README and the manual. */
export const manual = (): Page[] => pagesOf('README.md', 'docs/*.md')
