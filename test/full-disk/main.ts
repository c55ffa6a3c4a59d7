import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amountOf, chosenOf, untilOver } from '../support/amount.ts'
import { FullDisk, kinds, mountOptions } from './rounds.ts'

// Full disks: see rounds.ts. Ends with 1 when anything was lost, left, or told wrongly. Needs root, to mount a tmpfs.

const usage = `npm run test:full-disk -- [options]

Fills a small disk by uploads, gives way again, and checks that nothing is lost and all of it works again. Needs root.

  --rounds N    fill it so many times, of each kind (default 20; with --minutes alone: until they are over)
  --minutes M   stop after M minutes in all
  --kind K      what there is too little of: ${kinds.join(' or ')} (default both)
  --seed S      the contents of an earlier run again
`

const options = amountOf({ usage, count: ['rounds', 20], more: ['kind'] }, (values) => ({
  kinds: chosenOf(values, 'kind', kinds),
}))

process.stdout.write(`seed ${options.seed}\n`)
for (const kind of options.kinds) {
  const disk = mkdtempSync(join(tmpdir(), 'pds-blobstore-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', mountOptions[kind], 'tmpfs', disk])
  try {
    const full = await FullDisk.on(disk, kind, `${options.seed} ${kind}`)
    const share = { ...options, minutes: options.minutes / options.kinds.length }
    const once = async (): Promise<number> => {
      await full.round()
      return 1
    }
    await untilOver(share, once, (done) => {
      return `${kind}: full ${done} times, ${full.acknowledged} acknowledged, ${full.refused} refused, 0 lost`
    })
    await full.close()
  } finally {
    execFileSync('umount', ['--lazy', disk])
    rmSync(disk, { recursive: true, force: true })
  }
}
