import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Block, blocksInComments, blocksOf } from '../docs/blocks.ts'
import { manual, pagesOf, project } from '../docs/pages.ts'

const run = promisify(execFile)

const fromManual = manual().flatMap(blocksOf)
const fromComments = pagesOf('src/**/*.ts').flatMap(blocksInComments)
const blocks = [...fromManual, ...fromComments]

// Within the project, so that 'pds-blobstore' resolves to itself; in a folder that Git and the linter ignore.
mkdirSync(join(project, '.demo'), { recursive: true })
const folder = mkdtempSync(join(project, '.demo/docs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** One folder for each page: blocks of a page may import each other. */
const fileOf = (block: Block): string => join(folder, block.page, block.file)

beforeAll(() => {
  const config = { extends: join(project, 'tsconfig.json'), compilerOptions: { noUnusedLocals: false }, include: ['.'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  for (const block of blocks) {
    mkdirSync(dirname(fileOf(block)), { recursive: true })
    // On the same lines as in the page, so that a message points there.
    writeFileSync(fileOf(block), '\n'.repeat(block.line - 1) + block.code, { flag: 'wx' })
  }
})

describe('the examples', () => {
  test('are found', () => {
    expect(fromManual.some((block) => block.page === 'README.md' && block.run)).toBe(true)
    expect(fromManual.some((block) => block.page === 'docs/getting-started.md' && block.run)).toBe(true)
    expect(fromComments.some((block) => block.page === 'src/create-blob-store.ts')).toBe(true)
  })

  test('compile, every one', { timeout: 60_000 }, async () => {
    const compiler = join(project, 'node_modules/typescript/bin/tsc')
    const compiling = run(process.execPath, [compiler, '--project', folder, '--pretty', 'false'], { cwd: folder })
    const outcome = await compiling.catch(({ stdout = '', stderr, message }) => ({ stdout, stderr: stderr || message }))
    expect(outcome).toEqual({ stdout: '', stderr: '' })
  })

  test.each(fromManual.filter((block) => block.run))('run: $page, line $line', { retry: 1 }, async (block) => {
    const data = mkdtempSync(join(folder, 'run-'))
    const { stdout } = await run(process.execPath, [fileOf(block)], {
      cwd: data,
      timeout: 10_000,
      killSignal: 'SIGKILL',
    })
    if (block.output !== undefined) expect(stdout).toBe(block.output)
  })
})
