import { cpSync, globSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Instrumenter } from '@stryker-mutator/instrumenter'

export interface Mutant {
  id: string
  /** From the project's root. */
  file: string
  line: number
  /** The original text, and its replacement. */
  original: string
  replacement: string
}

const root = join(import.meta.dirname, '../..')
const quiet = () => {}
const logger = {
  ...{ isTraceEnabled: () => false, isDebugEnabled: () => false, isInfoEnabled: () => false },
  ...{ isWarnEnabled: () => false, isErrorEnabled: () => false, isFatalEnabled: () => false },
  ...{ trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet },
}

/**
 * A copy of the project in which these files contain all their mutants, each behind a switch. Texts are left alone: a
 * changed column name breaks every test, a changed message none.
 */
export async function copyWithMutants(patterns: readonly string[]): Promise<{ folder: string; mutants: Mutant[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-mutants-'))
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const names = globSync([...patterns], { cwd: root }).sort()
  const files = names.map((name) => ({ name, content: readFileSync(join(root, name), 'utf8'), mutate: true }))
  const options = { plugins: null, ignorers: [], excludedMutations: ['StringLiteral'] }
  const instrumented = await new Instrumenter(logger).instrument(files, options)
  for (const { name, content } of instrumented.files) writeFileSync(join(folder, name), content)
  const lines = new Map(files.map(({ name, content }) => [name, content.split('\n')]))
  const found = instrumented.mutants.filter(({ status }) => status !== 'Ignored')
  const mutants = found.map(({ id, fileName, location: { start, end }, replacement }) => {
    const text = (lines.get(fileName) ?? []).slice(start.line, end.line + 1)
    text[text.length - 1] = text.at(-1)?.slice(0, end.column) ?? ''
    text[0] = text[0]?.slice(start.column) ?? ''
    return { id, file: fileName, line: start.line + 1, original: text.join('\n'), replacement: replacement ?? '' }
  })
  return { folder, mutants }
}
