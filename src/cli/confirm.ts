import { createInterface } from 'node:readline/promises'
import { type Question, UsageError } from './command.ts'

export interface Asking {
  /** Whether `--yes` was given. */
  yes: boolean
  /** Whether the command line itself names the store. */
  named: boolean
  /** Ends the question. */
  signal: AbortSignal
}

/**
 * Asks before something that cannot be undone. Without a terminal it does not ask: a store that the command line names
 * is intended, but a store that only the environment names may be a forgotten variable.
 *
 * @throws `UsageError` in that case, or if the answer is no; the signal's reason
 */
export async function confirm(
  question: string,
  { yes, named, signal }: Asking,
  { grave = false }: Question = {},
): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY) {
    if (named && !grave) return
    const instead = grave ? '' : ', or name the store by options instead of by the environment'
    throw new UsageError(`${question} There is no terminal to ask. Add --yes to confirm${instead}`)
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // The terminal keeps Control-C for itself.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const ended = new AbortController() // by Control-D, which is no answer
  terminal.on('close', () => ended.abort(new UsageError('Nothing was done')))
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: AbortSignal.any([signal, ended.signal]) })
    if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('Nothing was done')
  } catch (error) {
    signal.throwIfAborted()
    ended.signal.throwIfAborted()
    throw error
  } finally {
    terminal.close()
  }
}
