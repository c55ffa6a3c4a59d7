import { createInterface } from 'node:readline/promises'
import { UsageError } from './command.ts'

/** Asks before something that cannot be undone. @throws `UsageError` where nobody can be asked, or says no */
export async function confirm(question: string, isSure: boolean): Promise<void> {
  if (isSure) return
  if (!process.stdin.isTTY) throw new UsageError(`${question} Add --yes if that is meant`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('Nothing was done')
  } finally {
    terminal.close()
  }
}
