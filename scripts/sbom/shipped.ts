import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../check-package/workshop.ts'

export interface ShippedPackage {
  name: string
  version: string
  license: string
}

interface Lockfile {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; peer?: boolean }>
}

/** What npm installs with the package: its dependencies and theirs, in the versions of package-lock.json. */
export function shippedPackages(): ShippedPackage[] {
  const { packages }: Lockfile = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'))
  return Object.entries(packages)
    .filter(([path, { dev, peer }]) => path !== '' && !dev && !peer)
    .map(([path, { version = '', license = '' }]) => ({
      name: path.replace(/^.*node_modules\//, ''),
      version,
      license,
    }))
}
