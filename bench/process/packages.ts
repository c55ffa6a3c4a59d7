import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const bench = join(import.meta.dirname, '..')

/** Whether a package of the bench is installed. */
export function isInstalled(name: string): boolean {
  return existsSync(join(bench, 'node_modules', name, 'package.json'))
}

/** Installs the peers beside the bench, unless that is done: they are too large to be everybody's dependency. */
export function installMissing(): void {
  if (isInstalled('@atproto/pds') && isInstalled('cacache')) return
  process.stderr.write('Installing the peers into bench, once …\n')
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: bench, stdio: 'inherit' })
  if (status !== 0) throw error ?? new Error('npm ci --prefix bench failed')
}
