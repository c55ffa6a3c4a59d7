import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export const project: string = resolve(import.meta.dirname, '../..')

export interface Manifest {
  name: string
  version: string
  license: string
  repository?: string | { url: string }
  homepage?: string
  bugs?: unknown
  publishConfig?: { access?: string; provenance?: boolean }
  engines: { node: string }
  scripts: Record<string, string>
  exports: Record<string, string | { types: string; default: string }>
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  peerDependencies: Record<string, string>
}

export const manifest: Manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))

/** What hosts import: `pds-blobstore`, `pds-blobstore/http`, … */
export const entries: readonly string[] = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== 'string')
  .map(([path]) => manifest.name + path.slice(1))

/** A check returns one line to print, and throws an error that says what is wrong. */
export interface Check {
  readonly name: string
  run(workshop: Workshop): Promise<string>
}

export interface PackedFile {
  path: string
  size: number
}

/** A folder for one run, with the packed tarball in it as npm would publish it. */
export class Workshop implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'pds-blobstore-package-'))
  readonly tarball: string
  readonly files: readonly PackedFile[]
  /** In bytes: the size of the download, and of node_modules. */
  readonly size: { packed: number; unpacked: number }

  constructor() {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', this.folder]
    const packed: unknown = JSON.parse(execFileSync('npm', args, { cwd: project, encoding: 'utf8', stdio: quiet }))
    // A list in older versions of npm, an object by name in newer ones.
    const [about] = Object.values(packed as object)
    this.tarball = join(this.folder, about.filename)
    this.files = about.files
    this.size = { packed: about.size, unpacked: about.unpackedSize }
  }

  /** A separate package, with these dependencies installed: `file:` is the tarball. */
  async install(name: string, dependencies: Record<string, string>, options: readonly string[] = []): Promise<string> {
    const folder = join(this.folder, name)
    mkdirSync(folder)
    const wanted = Object.entries(dependencies).map(([of, range]) => [
      of,
      range === 'file:' ? `file:${this.tarball}` : range,
    ])
    const about = { name, private: true, type: 'module', dependencies: Object.fromEntries(wanted) }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(about))
    // No scripts: what works then works for every host.
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...options], folder)
    return folder
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const quiet = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe']

/** The longest time for a command, in milliseconds. */
const timeout = 180_000

interface Output {
  stdout: string
  stderr: string
  killed: boolean
}

/** Runs a command to its end, and returns its output. @throws with all its output, if it fails or takes 3 minutes */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string = project,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const env = { ...process.env, ...environment }
    const options = { cwd, env, timeout, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 } as const
    return (await promisify(execFile)(command, args, options)).stdout
  } catch (error) {
    const { stdout = '', stderr = '', message, killed } = error as Error & Partial<Output>
    const why = killed ? `Not over after ${timeout / 1000} s: ${[command, ...args].join(' ')}` : message.split('\n')[0]
    throw new Error(`${why}\n${stdout}${stderr}`)
  }
}

/** A command of a package that is installed in this project. */
export function runTool(name: string, ...args: string[]): Promise<string> {
  return run(join(project, 'node_modules/.bin', name), args)
}

export function assertNone(what: string, found: readonly string[]): void {
  if (found.length > 0) throw new Error(`${what}:\n  ${found.join('\n  ')}`)
}
