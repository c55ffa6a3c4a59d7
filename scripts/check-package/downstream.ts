import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, manifest, project, run } from './workshop.ts'

export const downstream: Check = {
  name: 'a project that installs it runs its unit tests (examples/downstream)',
  async run(workshop) {
    const folder = await workshop.install('downstream', { [manifest.name]: 'file:' })
    for (const file of ['avatars.ts', 'avatars.test.ts']) {
      cpSync(join(project, 'examples/downstream', file), join(folder, file))
    }
    const printed = await run(process.execPath, ['--test', '--test-reporter=tap'], folder)
    return printed.slice(printed.indexOf('# tests')).split('\n').slice(2, 4).join(', ').replaceAll('# ', '')
  },
}
