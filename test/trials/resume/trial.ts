import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { breaking, times } from '../options.ts'
import { defineTrial } from '../trial.ts'
import { brokenRules, Resuming } from './resume.ts'

// See resume.ts. The seed repeats the choices, not the timing of the processes.

const atOnce = 10

export const trial = defineTrial({
  about: 'Uploads over tus, cuts connections and kills the server: no acknowledged byte is lost, and nothing is left',
  options: {
    uploads: times(50, 'upload N files'),
    break: breaking(brokenRules),
  },
  run: async ({ uploads, minutes, seed, break: broken }, control) => {
    const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-resume-'))
    const resuming = new Resuming({ folder, seed, broken })
    try {
      await resuming.upload({ count: uploads, atOnce, minutes }, control)
      await resuming.check(control)
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    }
    for (const finding of resuming.findings.slice(0, 20)) control.say(`FOUND ${finding}`)
    control.say(`seed ${seed}: ${resuming.findings.length} faults`)
    return { found: resuming.findings.length > 0, report: { seed, ...resuming.seen, findings: resuming.findings } }
  },
})
