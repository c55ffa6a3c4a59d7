import { startPostgres } from '../../servers/postgres.ts'
import { breaking, flag, kind, times } from '../options.ts'
import { defineTrial } from '../trial.ts'
import { type BrokenRule, brokenRules } from './broken-rules.ts'
import { Campaign } from './campaign.ts'
import { databases } from './database.ts'
import { print } from './print.ts'

// See campaign.ts. The seed repeats the choices, not the timing of the processes.

export const trial = defineTrial({
  about: 'Kills real processes on one store, again and again: nothing acknowledged may be lost, and nothing left',
  options: {
    cycles: times(50, 'kill and check N times'),
    'every-step': flag('continue until a process was killed at every step, up to three times as long'),
    metadata: kind(databases, 'in the store’s own file, in a file that the host opens, or in PostgreSQL'),
    break: { ...breaking(brokenRules), read: brokenRule },
  },
  run: async ({ 'every-step': everyStep, break: broken, metadata: database, ...amount }, { progress, signal }) => {
    const stop = database === 'postgres' ? await startPostgres() : async () => {}
    try {
      const campaign = new Campaign({ ...amount, everyStep, broken, database }, progress)
      signal.addEventListener('abort', () => campaign.stop())
      const report = await campaign.run()
      return { found: report.lost + report.orphans + report.wrong > 0, report, text: `\n${print(report)}` }
    } finally {
      await stop()
    }
  },
})

function brokenRule(given: string | undefined, texts: Readonly<Record<string, string | undefined>>): BrokenRule | null {
  const rule = breaking(brokenRules).read(given, texts)
  if (rule === 'fk' && texts.metadata === 'postgres') throw new Error('its foreign keys are removed from SQLite alone')
  return rule
}
