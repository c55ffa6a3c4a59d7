import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { run } from '../../scripts/check-package/workshop.ts'

const project = resolve(import.meta.dirname, '../..')

/** `pds-blobstore`, `pds-blobstore/http`, … */
export const entries: readonly string[] = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== 'string')
  .map(([path]) => manifest.name + path.slice(1))

/** What npm installs with the package. */
export const installed: readonly string[] = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
export const peers: readonly string[] = Object.keys(manifest.peerDependencies)

type Environment = Readonly<Record<string, string>>

/** A project that has installed the build, in a temporary folder, without asking npm. */
export class HostFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'pds-blobstore-host-'))

  /** With only these other packages. */
  constructor(packages: readonly string[]) {
    writeFileSync(join(this.path, 'package.json'), '{ "name": "host", "private": true }')
    this.addCopy('pds-blobstore')
    for (const name of packages) {
      const link = join(this.path, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(project, 'node_modules', name), link)
    }
  }

  /** Copies, because a link would find what this project has installed. */
  addCopy(name: string): void {
    const folder = join(this.path, 'node_modules', name)
    cpSync(join(project, 'dist'), join(folder, 'dist'), { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, name }))
  }

  /** The path of a file with this text. */
  write(name: string, text: string): string {
    const file = join(this.path, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }

  /** Runs a program with a new folder for its data, and returns the JSON that it prints. */
  async run(file: string, env: Environment = {}): Promise<unknown> {
    const data = mkdtempSync(join(this.path, 'data-'))
    return JSON.parse(await run(process.execPath, [file, data], this.path, env))
  }

  /** Runs the command line, and returns what it prints. @throws with what it prints, if it fails */
  cli(args: readonly string[], env: Environment = {}): Promise<string> {
    return run(process.execPath, [join(this.path, 'node_modules/pds-blobstore/dist/cli.js'), ...args], this.path, env)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 })
  }
}
