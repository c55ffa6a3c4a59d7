import { join } from 'node:path'
import { manifest, type Workshop } from '../check-package/workshop.ts'

/** A package manager: how it does what the README does with npm. */
export interface Manager {
  name: string
  /** The program and its first arguments. */
  command: readonly string[]
  /** `npm install`, in its words. */
  add: readonly string[]
  dev: string
}

/** npm of this machine, and the others as npm has them. */
export async function managers(workshop: Workshop): Promise<Manager[]> {
  const bun = `@oven/bun-${process.platform}-${process.arch === 'x64' ? 'x64' : 'aarch64'}`
  const folder = await workshop.install('managers', { pnpm: '^10', yarn: '^1.22.22', [bun]: '^1.4.5' })
  const modules = join(folder, 'node_modules')
  const node = (path: string) => [process.execPath, join(modules, path)]
  return [
    { name: 'npm', command: ['npm'], add: ['install', '--no-audit', '--no-fund'], dev: '--save-dev' },
    { name: 'pnpm', command: node('pnpm/bin/pnpm.cjs'), add: ['add'], dev: '--save-dev' },
    // With a cache of its own: it would take the package of an earlier run, which has the same version.
    {
      name: 'yarn',
      command: node('yarn/bin/yarn.js'),
      add: ['add', '--cache-folder', join(folder, 'yarn-cache')],
      dev: '--dev',
    },
    { name: 'bun', command: [join(modules, bun, 'bin/bun')], add: ['add'], dev: '--dev' },
  ]
}

/** A command of the README as this package manager has it, with the packed tarball for the package. */
export function translated(command: string, { command: program, add, dev }: Manager, tarball: string): string[] {
  const [first = '', ...rest] = command.split(' ')
  if (first === 'node') return [process.execPath, ...rest]
  if (first === 'npx') return [process.execPath, 'node_modules/typescript/bin/tsc', ...rest.slice(1)]
  if (first !== 'npm') throw new Error(`What is this in the README? ${command}`)
  if (rest[0] !== 'install') return ['npm', ...rest]
  const words = rest
    .slice(1)
    .map((word) => (word === manifest.name ? `file:${tarball}` : word === '--save-dev' ? dev : word))
  return [...program, ...add, ...words]
}
