import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Installs the real PDS beside this example, unless that is done: it is too large to be everybody's dependency. */
export function installMissing(): void {
  const here = fileURLToPath(new URL('.', import.meta.url))
  if (existsSync(`${here}node_modules/@atproto/pds`) && existsSync(`${here}node_modules/pds-blobstore`)) return
  console.log('Installing @atproto/pds into examples/pds, once …')
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' })
  if (status !== 0) throw error ?? new Error('npm ci --prefix examples/pds failed')
}
