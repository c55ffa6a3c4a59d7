import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertNone, type Check, manifest, project } from './workshop.ts'

/** What hosts must find before they depend on a package, and where. */
const required: readonly { file: string; says: RegExp; what: string }[] = [
  { file: 'SECURITY.md', says: /Report a vulnerability/, what: 'how to report a vulnerability' },
  { file: 'SECURITY.md', says: /## Supported versions/, what: 'which versions get security fixes' },
  { file: 'docs/upgrading.md', says: /marks it `@deprecated`/, what: 'how something is deprecated and removed' },
  { file: 'docs/upgrading.md', says: /## Manuals of other versions/, what: 'where the manuals of other versions are' },
  { file: 'CONTRIBUTING.md', says: /JSR/, what: 'why the package is not on JSR' },
  { file: 'LICENSE', says: /MIT License/, what: 'the licence of package.json' },
]

export const policies: Check = {
  name: 'the policies are written: security, supported versions, deprecation, older manuals',
  async run() {
    const texts = new Map(required.map(({ file }) => [file, readFileSync(join(project, file), 'utf8')]))
    const missing = required.filter(({ file, says }) => !says.test(texts.get(file) ?? ''))
    assertNone(
      'Not written',
      missing.map(({ file, what }) => `${what}: in ${file}`),
    )
    const minor = manifest.version.split('.').slice(0, 2).join('.')
    if (!texts.get('SECURITY.md')?.includes(`the newest minor version (now ${minor})`)) {
      throw new Error(`SECURITY.md must name the minor version that gets security fixes: ${minor}`)
    }
    return `${required.length} statements in ${texts.size} files`
  },
}
