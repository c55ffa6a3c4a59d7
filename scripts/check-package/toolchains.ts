import { cpSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { manifest, type Workshop } from './workshop.ts'

let made: Promise<string> | undefined

/** A package with the test runners, runtimes and hosts that docs/toolchains.md names, and the programs for them. */
export function toolchains(workshop: Workshop): Promise<string> {
  made ??= install(workshop)
  return made
}

async function install(workshop: Workshop): Promise<string> {
  const folder = await workshop.install('toolchains', {
    [manifest.name]: 'file:',
    'jest-29': 'npm:jest@29',
    'jest-30': 'npm:jest@30',
    vitest: '*',
    bun: '*',
    deno: '*',
    express: '*',
    '@nestjs/common': '*',
    '@nestjs/core': '*',
    '@nestjs/platform-express': '*',
    'reflect-metadata': '*',
    rxjs: '*',
  })
  for (const programs of ['runners', 'hosts']) {
    cpSync(join(import.meta.dirname, programs), folder, { recursive: true })
  }
  return folder
}

// The packages `bun` and `deno` name one package for each system; no script of theirs has run.
export const bun = (folder: string): string => only(folder, 'node_modules/@oven/bun-*/bin/bun')
export const deno = (folder: string): string => only(folder, 'node_modules/@deno/*/deno')

/** What Deno needs to run a program in a folder whose packages npm has installed. */
export const denoOptions: readonly string[] = ['--allow-all', '--node-modules-dir=manual']

function only(folder: string, pattern: string): string {
  const [found] = globSync(pattern, { cwd: folder })
  if (found === undefined) throw new Error(`npm has installed no ${pattern} for this system`)
  return join(folder, found)
}
