import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// Several processes on one store for a while: see test/soak/soak.ts.
//
// Goes red when an operation keeps memory or a descriptor, as the second test shows, and when collecting takes what a
// record names.

test('a soak loses nothing, and memory and descriptors stay', async () => {
  const { code, output } = await soak('--minutes', '0.35')
  expect(output).toContain('lost 0, orphans 0, other faults 0')
  expect(output).toMatch(/events \d{3}/)
  expect(code).toBe(0)
})

test('a soak of a process that leaks says so', async () => {
  const { code, output } = await soak('--minutes', '0.2', '--break', 'leak')
  expect(output).toMatch(/reader: live memory from \d+ MiB to \d+ MiB/)
  expect(output).toMatch(/reader: descriptors from \d+ to \d+/)
  expect(code).toBe(1)
})

async function soak(...args: string[]): Promise<{ code: number | null; output: string }> {
  const main = join(import.meta.dirname, '../soak/main.ts')
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  return { code: await closed, output }
}
