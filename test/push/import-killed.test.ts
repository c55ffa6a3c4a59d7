import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BusyPds, expectAll } from '../exchange/busy-pds.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'

// The command line imports, and exports again, and is killed IMPORT_KILLS times (20) in the midst of each, while the PDS
// serves. Goes red when what a kill has left is taken for done, or is in the way of the next run.

const kills = Number(process.env.IMPORT_KILLS ?? 20)
const program = join(import.meta.dirname, '../../dist/cli.js')

function cli(...args: string[]) {
  return spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 120_000 })
}

function filesIn(folder: string): number {
  if (!existsSync(folder)) return 0
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
}

/** Kills a run of the command line soon after it has made some more files in the folder. */
async function killAmidst(folder: string, args: readonly string[]): Promise<void> {
  const before = filesIn(folder)
  const child = cli(...args)
  const exited = once(child, 'exit')
  while (filesIn(folder) < before + 3 && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 10))
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 50))
  expect(child.exitCode, 'it was still at work').toBe(null)
  child.kill('SIGKILL')
  await exited
}

async function report(args: readonly string[]): Promise<Record<string, unknown>> {
  const child = cli(...args, '--json')
  const exited = once(child, 'exit')
  const output = (await child.stdout.toArray()).join('')
  await exited
  return JSON.parse(output)
}

test('imports and exports that are killed again and again miss nothing', async () => {
  const pds = new BusyPds(50)
  for (let step = 0; step < 1500; step++) pds.step()
  const place = new FolderPlace()
  const store = ['--disk', place.root, '--sqlite', place.database]
  const imports = ['import', '--from', pds.location, '--actors', pds.actors, '--create', ...store]

  const busy = pds.keepBusy()
  for (let round = 1; round <= kills; round++)
    await killAmidst(join(place.root, 'blobs'), [...imports, '--rate', '40k'])
  await busy.done()
  expect(await report(imports)).toMatchObject({ gone: 0, findings: [] })
  expect(await report(imports)).toMatchObject({ imported: 0, findings: [] })
  const blobs = place.store()
  await expectAll(blobs, pds)
  await blobs.close()

  const to = temporaryFolder()
  const exports = ['export', '--to', to, '--layout', 'pds', '--actors', pds.actors, ...store]
  for (let round = 1; round <= kills; round++) await killAmidst(to, [...exports, '--rate', '40k'])
  expect(await report(exports)).toMatchObject({ findings: [] })
  expect(pds.tree(to)).toEqual(pds.tree())
  pds.close()
})
