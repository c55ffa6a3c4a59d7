import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { FolderPlace } from '../support/folder-place.ts'
import { alice, bytes, post } from '../support/samples.ts'

// The published build, from `npm run build`: a process that compiles the sources takes seconds to start.
export const program: string = join(import.meta.dirname, '../../dist/cli.js')

export interface Run {
  status: number | null
  stdout: string
  stderr: string
}

/** The command line in a separate process, none of whose streams is a terminal. */
export function cli(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  return ran(process.execPath, [program, ...args], env)
}

/** Runs a program with this text as its whole input. */
export function ran(file: string, args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env.PATH, NO_COLOR: '1', ...env }, timeout: 60_000 }
    const child = execFile(file, [...args], options, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

export class CliPlace extends FolderPlace {
  /** Options that name this store. */
  get named(): string[] {
    return ['--disk', this.root, '--sqlite', this.database]
  }

  /** What is printed about it before a change. */
  get line(): string {
    return `Store: bytes in ${this.root}, metadata in ${this.database}\n`
  }

  /** The command line on this store. */
  cli(...args: string[]): Promise<Run> {
    return cli([...args, ...this.named])
  }

  async json(...args: string[]): Promise<Record<string, unknown>> {
    const { stdout } = await this.cli(...args, '--json')
    return JSON.parse(stdout)
  }
}

/**
 * A store with two blobs, closed: a record references one, the other expired long ago by the clock of the command line.
 */
export async function filled(): Promise<CliPlace> {
  const place = new CliPlace()
  const blobs = place.store()
  await post(blobs, alice, 'a', await blobs.upload(alice, bytes('hello')))
  await blobs.upload(alice, bytes('temporary'))
  await blobs.close()
  return place
}
