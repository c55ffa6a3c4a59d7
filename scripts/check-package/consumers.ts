import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, manifest, run } from './workshop.ts'

/** The oldest that can read the types of `multiformats`, and those in use. */
const compilers = { 'typescript-5.7': 'npm:typescript@~5.7', 'typescript-7': 'npm:typescript@^7' }

const resolutions = { nodenext: 'nodenext', bundler: 'esnext' }

export const consumers: Check = {
  name: 'a strict host compiles against the types, without skipLibCheck',
  async run(workshop) {
    const folder = await workshop.install('consumer', {
      [manifest.name]: 'file:',
      ...compilers,
      ...manifest.peerDependencies,
      '@types/node': '^22',
      '@types/better-sqlite3': '*',
      '@types/express': '^5',
    })
    copyFileSync(join(import.meta.dirname, 'consumer/host.ts'), join(folder, 'host.ts'))
    const compiled: string[] = []
    for (const compiler of Object.keys(compilers)) {
      for (const [moduleResolution, module] of Object.entries(resolutions)) {
        const config = `tsconfig.${compiler}-${moduleResolution}.json`
        writeFileSync(join(folder, config), JSON.stringify(configOf({ module, moduleResolution })))
        const tsc = join(folder, 'node_modules', compiler, 'bin/tsc')
        await run(process.execPath, [tsc, '--project', config, '--pretty', 'false'], folder)
      }
      const version = await run(process.execPath, [join(folder, 'node_modules', compiler, 'bin/tsc'), '--version'])
      compiled.push(version.replace('Version', 'TypeScript').trim())
    }
    return `${compiled.join(', ')}; ${Object.keys(resolutions).join(' and ')}`
  },
}

function configOf(modules: { module: string; moduleResolution: string }): object {
  const compilerOptions = {
    ...modules,
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  }
  return { compilerOptions, files: ['host.ts'] }
}
