import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manifest } from '../check-package/workshop.ts'
import { shippedPackages } from './shipped.ts'

/** What is read of a list in the format CycloneDX. */
export interface Sbom {
  bomFormat: string
  specVersion: string
  metadata: { component: { name: string; version: string; purl: string } }
  components: { name: string; version: string; purl: string; licenses?: unknown[]; hashes?: unknown[] }[]
}

/**
 * What npm installs with the package, with versions, licences and hashes: the versions of package-lock.json, the rest from
 * the registry. In a folder of its own, because in this one `npm sbom --omit=dev` leaves out what a devDependency needs too.
 */
export function sbom(): Sbom {
  const temporary = mkdtempSync(join(tmpdir(), 'pds-blobstore-sbom-'))
  // npm names the list after the folder.
  const folder = join(temporary, manifest.name)
  try {
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), JSON.stringify(exactManifest()))
    npm(folder, 'install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund')
    return JSON.parse(npm(folder, 'sbom', '--sbom-format=cyclonedx', '--package-lock-only'))
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** The package with the exact versions of everything that is installed with it. */
function exactManifest(): object {
  const versions = Object.fromEntries(shippedPackages().map(({ name, version }) => [name, version]))
  const exact = (ranges: Record<string, string>) =>
    Object.fromEntries(Object.keys(ranges).map((name) => [name, versions[name]]))
  const direct = { ...manifest.dependencies, ...manifest.optionalDependencies }
  const overrides = Object.fromEntries(Object.entries(versions).filter(([name]) => !(name in direct)))
  const { name, version, license } = manifest
  return {
    name,
    version,
    license,
    dependencies: exact(manifest.dependencies),
    optionalDependencies: exact(manifest.optionalDependencies),
    overrides,
  }
}

function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 120_000 })
}
