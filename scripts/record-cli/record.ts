import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { project } from '../check-package/workshop.ts'
import { makePds } from './pds.ts'
import { makeStore } from './store.ts'

/** The pages whose blocks marked `console` are recorded, each on a store of its own. */
export const recordedPages = ['docs/command-line.md', 'docs/moderation.md'] as const

const fence = /(?<=^```console\n)[\s\S]*?(?=^```$)/gm
/** From a dollar to the end of the line, and its continuation lines. */
const commandLine = /^\$ (?<command>(?:.*\\\n)*.*)$/gm

/**
 * Fills in the output of each command in the page's blocks marked `console`, on a small store. The commands run in one
 * shell and in the page's order, with the build of `npm run build`.
 */
export async function recorded(page: string): Promise<string> {
  const blocks = [...page.matchAll(fence)].map(([block]) =>
    [...block.matchAll(commandLine)].map((match) => match.groups?.command ?? ''),
  )
  const printed = await play(blocks.flat())
  const written = blocks.map((commands) => commands.map((one) => `$ ${one}\n${printed.shift()}`).join(''))
  return page.replaceAll(fence, () => written.shift() ?? '')
}

/** The output of each command, stdout and stderr. */
async function play(commands: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-cli-'))
  try {
    await furnish(folder)
    const steps = commands.map((command) => `${command}\nstatus=$?; printf '\\0'; (exit $status)`)
    const script = ['exec 2>&1', ...steps, 'exit 0'].join('\n')
    const path = [join(folder, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter)
    const options = { cwd: folder, env: { PATH: path, HOME: folder }, timeout: 120_000 }
    const { stdout } = await promisify(execFile)('sh', ['-c', script], options)
    return normalised(stdout.replaceAll(folder, '/srv')).split('\0')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function furnish(folder: string): Promise<void> {
  for (const name of ['bin', 'node_modules']) mkdirSync(join(folder, name))
  symlinkSync(join(project, 'dist/cli.js'), join(folder, 'bin/pds-blobstore'))
  symlinkSync(project, join(folder, 'node_modules/pds-blobstore'))
  writeFileSync(join(folder, 'moving.config.js'), config)
  await makeStore(folder)
  makePds(folder)
}

const config = `import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'

const disk = new DiskBackend({ root: 'blobs' })
const raid = new DiskBackend({ name: 'raid', root: 'raid/blobs' })
export default () =>
  createBlobStore({ janitor: false, backend: { write: 'raid', all: { disk, raid } }, metadata: sqliteMetadata('blobs.sqlite') })
`

/**
 * What differs from run to run: the random part of keys, identities of stores, times after those of the store itself, and
 * the progress on a slow machine.
 */
function normalised(text: string): string {
  const seen: string[] = []
  const numbered = (id: string) => {
    if (!seen.includes(id)) seen.push(id)
    return `7c9e6679-7425-40de-944b-e07fc1f9000${seen.indexOf(id)}`
  }
  return text
    .replaceAll(/(?<=[a-z2-7])\.\d+-[a-z2-7]{16}/g, '.9201828281-kq3z5vd4w2m7x6yt')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, numbered)
    .replaceAll(/(?!2026-0[12])\b20\d\d-\d\d-\d\dT[\d:.]+Z/g, '2026-03-01T12:00:00.000Z')
    .replaceAll(/^[\w-]+: [\d,]+ (?:of|done).*\n/gm, '')
}
