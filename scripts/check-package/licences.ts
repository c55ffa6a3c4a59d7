import { shippedPackages } from '../sbom/shipped.ts'
import { assertNone, type Check } from './workshop.ts'

/** What a host may embed without asking a lawyer. */
const allowed: ReadonlySet<string> = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'])

export const licences: Check = {
  name: 'every dependency, and theirs, has a licence that hosts may embed',
  async run() {
    const shipped = shippedPackages()
    assertNone(
      'Not on the list',
      shipped
        .filter(({ license }) => !isAllowed(license))
        .map(({ name, license }) => `${name}: ${license || 'none given'}`),
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
