import { Workshop } from '../check-package/workshop.ts'
import { follow } from './follow.ts'
import { managers } from './managers.ts'
import { firstMinutes } from './readme.ts'

// npm run first-minutes: does what the README tells newcomers to do, with each package manager, in empty folders and
// with the package as npm would deliver it. Asks the registry for what they would install.

const told = firstMinutes()
using workshop = new Workshop()
let failed = 0
for (const manager of await managers(workshop)) {
  try {
    console.log(`✓ ${manager.name}: ${await follow(told, manager, workshop)}`)
  } catch (error) {
    failed += 1
    console.error(`✗ ${manager.name}\n  ${(error as Error).message.trimEnd().replaceAll('\n', '\n  ')}`)
  }
}
process.exitCode = failed === 0 ? 0 : 1
