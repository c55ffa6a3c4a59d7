import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertNone, type Check, project } from './workshop.ts'

/** What a host may embed without asking a lawyer. */
const allowed: ReadonlySet<string> = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'])

interface Lockfile {
  packages: Record<string, { license?: string; dev?: boolean; peer?: boolean }>
}

export const licences: Check = {
  name: 'every dependency, and theirs, has a licence that hosts may embed',
  async run() {
    const { packages }: Lockfile = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'))
    const shipped = Object.entries(packages).filter(([path, { dev, peer }]) => path !== '' && !dev && !peer)
    const wrong = shipped.filter(([, { license = '' }]) => !isAllowed(license))
    assertNone(
      'Not on the list',
      wrong.map(([path, { license }]) => `${path}: ${license ?? 'none given'}`),
    )
    return `${shipped.length} packages`
  },
}

/** `Apache-2.0 OR MIT` leaves the choice. */
function isAllowed(expression: string): boolean {
  return expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((licence) => allowed.has(licence))
}
