import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { oneOf, times } from '../options.ts'
import { type Amount, untilOver } from '../rounds.ts'
import { type Control, defineTrial } from '../trial.ts'
import { FullDisk, type Kind, kinds, mountOptions } from './rounds.ts'

// See rounds.ts.

export const trial = defineTrial({
  about: 'Fills a small disk by uploads, and frees it: nothing is lost, and everything works again (root)',
  options: {
    rounds: times(20, 'fill it so many times, of each kind'),
    kind: oneOf(kinds, 'what the disk has too little of'),
  },
  run: async ({ rounds, kind, minutes, seed }, control) => {
    control.say(`seed ${seed}`)
    const amount = { count: rounds, minutes: minutes / kind.length }
    const reports: object[] = []
    for (const one of kind) reports.push(await fill(one, amount, seed, control))
    return { found: false, report: { seed, reports } }
  },
})

async function fill(kind: Kind, amount: Amount, seed: string, control: Control): Promise<object> {
  const disk = mkdtempSync(join(tmpdir(), 'pds-blobstore-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', mountOptions[kind], 'tmpfs', disk])
  try {
    const full = await FullDisk.on(disk, kind, `${seed} ${kind}`)
    const once = async (): Promise<number> => {
      await full.round()
      return 1
    }
    const done = await untilOver(amount, control, once, (done) => {
      return `${kind}: full ${done} times, ${full.acknowledged} acknowledged, ${full.refused} refused, 0 lost`
    })
    await full.close()
    return { kind, rounds: done, acknowledged: full.acknowledged, refused: full.refused }
  } finally {
    execFileSync('umount', ['--lazy', disk])
    rmSync(disk, { recursive: true, force: true })
  }
}
