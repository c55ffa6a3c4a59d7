// Outlives its parent, to end what that leaves: `node guardian.ts <folder>`. When its standard input ends (its parent
// ended, in whatever way), every process that was started with a file of the folder is killed, and the folder removed.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const folder = process.argv[2] ?? ''
if (!/\/pds-blobstore-[\w-]+$/.test(folder)) throw new Error(`Not a folder of the tests: ${folder}`)

await text(process.stdin).catch(() => {})
for (let round = 0; round < 50 && killAll() > 0; round++) await new Promise((resolve) => setTimeout(resolve, 20))
rmSync(folder, { recursive: true, force: true, maxRetries: 10 })

function killAll(): number {
  let found = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      const [, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
      if (!args.some((arg) => arg.startsWith(`${folder}/`))) continue
      process.kill(Number(pid), 'SIGKILL')
      found++
    } catch {
      // It ended by itself.
    }
  }
  return found
}
