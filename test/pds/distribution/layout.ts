import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')

/**
 * Folders in the layout of the distribution's image, with these versions of `@atproto/pds`: installed by pnpm, with
 * this package added, as its Dockerfile does. `folder` is where they are.
 */
export async function layOut(folder: string, versions: readonly string[]): Promise<Map<string, string>> {
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root })
  const [packed] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  const apps = new Map<string, string>()
  for (const version of versions) {
    const app = join(folder, version)
    await mkdir(app)
    const dependencies = { '@atproto/pds': version, 'pds-blobstore': `file:../${packed}` }
    const pnpm = { overrides: { 'better-sqlite3': '^13.2.0' } }
    await writeFile(join(app, 'package.json'), JSON.stringify({ private: true, dependencies, pnpm }))
    for (const entry of ['index.cjs', 'index.mjs']) await copyFile(join(import.meta.dirname, entry), join(app, entry))
    const install = ['--yes', 'pnpm@9', 'install', '--prod', '--ignore-scripts', '--store-dir', join(folder, 'store')]
    await run('npx', install, { cwd: app })
    apps.set(version, app)
  }
  return apps
}
