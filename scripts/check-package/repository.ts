import { type Check, manifest } from './workshop.ts'

/** The form that npm publishes unchanged. */
const named = /^git\+https:\/\/github\.com\/[\w.-]+\/[\w.-]+\.git$/

export const repository: Check = {
  name: 'package.json names the repository',
  async run() {
    const { repository, homepage, bugs } = manifest
    const address = typeof repository === 'string' ? repository : repository?.url
    if (address === undefined || !named.test(address)) {
      throw new Error(
        `It ${address === undefined ? 'has no `repository`' : `has the repository ${address}`}. ` +
          'npm takes `homepage` and `bugs` from it, and refuses provenance without it. ' +
          'Set it once, to the repository on GitHub that publishes: npm pkg set repository.type=git repository.url=git+https://github.com/OWNER/NAME.git',
      )
    }
    // Two places would disagree one day.
    if (homepage !== undefined || bugs !== undefined) {
      throw new Error('Remove `homepage` and `bugs` from package.json: npm derives both from `repository`')
    }
    return address
  },
}
