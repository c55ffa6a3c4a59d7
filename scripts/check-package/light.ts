import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, entries, manifest, run } from './workshop.ts'

// What such a host can do is tested by test/distribution/light-install.test.ts.
export const light: Check = {
  name: 'npm leaves better-sqlite3 out with --omit=optional, and every entry loads',
  async run(workshop) {
    const folder = await workshop.install('light', { [manifest.name]: 'file:', pg: '*' }, ['--omit=optional'])
    if (existsSync(join(folder, 'node_modules/better-sqlite3'))) throw new Error('It was installed')
    const loaded = entries.filter((entry) => !/\/(?:s3|register)$/.test(entry))
    writeFileSync(join(folder, 'program.mjs'), loaded.map((entry) => `import '${entry}'`).join('\n'))
    await run(process.execPath, ['program.mjs'], folder)
    const size = (await run('du', ['-sm', 'node_modules'], folder)).split('\t')[0]
    return `${size} MB, pg included`
  },
}
