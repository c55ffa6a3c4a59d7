import { breaking, flag, times } from '../options.ts'
import { defineTrial } from '../trial.ts'
import { brokenRules } from './broken-rules.ts'
import { Campaign } from './campaign.ts'
import { print } from './print.ts'

// See campaign.ts. The seed repeats the choices, not the timing of the processes.

export const trial = defineTrial({
  about: 'Kills real processes on one store, again and again: nothing acknowledged may be lost, and nothing left',
  options: {
    cycles: times(50, 'kill and check N times'),
    'every-step': flag('continue until a process was killed at every step, up to three times as long'),
    break: breaking(brokenRules),
  },
  run: async ({ 'every-step': everyStep, break: broken, ...amount }, { progress, signal }) => {
    const campaign = new Campaign({ ...amount, everyStep, broken }, progress)
    signal.addEventListener('abort', () => campaign.stop())
    const report = await campaign.run()
    return { found: report.lost + report.orphans + report.wrong > 0, report, text: `\n${print(report)}` }
  },
})
