import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { contenders } from '../contenders/all.ts'

/** What a reader must know about the machine and what was compared; without names. */
export interface Facts {
  date: string
  processor: string
  cores: number
  memoryGiB: number
  system: string
  fileSystem: string
  node: string
  /** Of each package, as in the lock file. */
  versions: Record<string, string>
}

export function facts(folder: string): Facts {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release().split('-')[0]}`,
    fileSystem: said('stat', '-f', '-c', '%T', folder).replace('ext2/ext3', 'ext4'),
    node: process.version,
    versions: versions(),
  }
}

function said(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

function versions(): Record<string, string> {
  const { packages } = JSON.parse(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8'))
  const needed = Object.values(contenders).flatMap((entry) => ('needs' in entry ? entry.needs : []))
  return Object.fromEntries(needed.map((name) => [name, packages[`node_modules/${name}`].version]))
}
