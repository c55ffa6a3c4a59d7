import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bun, deno, denoOptions, toolchains } from './toolchains.ts'
import { type Check, run } from './workshop.ts'

// Two files: each has a realm of its own, and both share what SQLite keeps for the process.
const twice = ['globals.test.mjs', 'globals-again.test.mjs']
const vmModules = ['--experimental-vm-modules', '--no-warnings']

/** The tests of runners/ under each runner: what is run, in the folder, and what must have run. */
function runnersIn(folder: string): Record<string, { command: string[]; ran?: string }> {
  const bin = (name: string) => join(folder, 'node_modules', name)
  const jest = (version: number, file: string) => {
    const options = ['--runInBand', '--testMatch', `**/${file}`]
    return [process.execPath, ...vmModules, bin(`jest-${version}/bin/jest.js`), ...options]
  }
  const vitest = (pool: string) => {
    const options = ['run', '--globals', '--maxWorkers=1', '--pool', pool, ...twice]
    return { ran: 'memory disk memory disk ', command: [process.execPath, bin('vitest/vitest.mjs'), ...options] }
  }
  return {
    'node:test': { command: [process.execPath, '--test', 'node.test.mjs'] },
    'Jest 29': { command: jest(29, `{${twice}}`), ran: 'memory disk memory disk ' },
    'Jest 29, CommonJS': { command: jest(29, 'import.test.cjs'), ran: 'import ' },
    'Jest 30': { command: jest(30, `{${twice}}`), ran: 'memory disk memory disk ' },
    'Jest 30, CommonJS': { command: jest(30, '{import,require}.test.cjs'), ran: 'import require ' },
    ...Object.fromEntries(['forks', 'threads', 'vmForks', 'vmThreads'].map((pool) => [`vitest ${pool}`, vitest(pool)])),
    'bun test': { command: [bun(folder), 'test', './bun.test.mjs'] },
    'deno test': { command: [deno(folder), 'test', ...denoOptions, 'deno.test.mjs'] },
  }
}

export const runners: Check = {
  name: 'a host’s tests use it under every test runner',
  async run(workshop) {
    const folder = await toolchains(workshop)
    const ran = join(folder, 'ran')
    for (const [name, { command, ran: expected = 'memory disk ' }] of Object.entries(runnersIn(folder))) {
      rmSync(ran, { force: true })
      const [program = '', ...args] = command
      const output = await run(program, args, folder, { RAN: ran })
      const found = readFileSync(ran, { encoding: 'utf8', flag: 'a+' })
      const names = (text: string) => text.split(' ').sort().join(' ')
      if (names(found) !== names(expected))
        throw new Error(`${name} ran ${found || 'nothing'}, not ${expected}\n${output}`)
    }
    return Object.keys(runnersIn(folder)).join(', ')
  },
}
