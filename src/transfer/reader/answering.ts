import type { Database } from 'better-sqlite3'
import { loadSqlite } from '../../metadata/sqlite/load-sqlite.ts'
import { AccountAnswers } from './account-answers.ts'
import { AuroraAnswers } from './aurora-answers.ts'
import type { Answer, Asked, Call, Kind, Reply } from './questions.ts'
import { OpenFile } from './sqlite-file.ts'

type Answering = { [K in Kind]: (database: Database, asked: Asked<K>) => Answer<K> }

/** One for each database, created on first use: it knows the tables. */
const accounts = new WeakMap<Database, AccountAnswers>()
const auroras = new WeakMap<Database, AuroraAnswers>()

const answers: Answering = {
  tables: (database) => account(database).tables,
  countBlobs: (database) => account(database).countBlobs(),
  blobs: (database, asked) => account(database).blobs(asked),
  blob: (database, asked) => account(database).blob(asked),
  strangers: (database, asked) => account(database).strangers(asked),
  namings: (database, asked) => account(database).namings(asked),
  unmet: (database, asked) => account(database).unmet(asked),
  rev: (database) => account(database).rev(),
  claim: (database, asked) => account(database).claim(asked),
  countAurora: (database) => aurora(database).countAurora(),
  aurora: (database, asked) => aurora(database).aurora(asked),
  auroraStrangers: (database, asked) => aurora(database).auroraStrangers(asked),
}

function account(database: Database): AccountAnswers {
  const known = accounts.get(database) ?? new AccountAnswers(database)
  accounts.set(database, known)
  return known
}

function aurora(database: Database): AuroraAnswers {
  const known = auroras.get(database) ?? new AuroraAnswers(database)
  auroras.set(database, known)
  return known
}

/** Answers until its parent is gone. Runs in a separate process, which may be killed at any moment. */
export async function answerQuestions(): Promise<void> {
  process.once('disconnect', () => process.exit())
  // Ctrl-C goes to the whole process group; the parent decides.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  let file: OpenFile
  try {
    const Sqlite = await loadSqlite('Reading the databases of a PDS')
    file = new OpenFile(Sqlite)
  } catch (error) {
    return say({ kind: 'unusable', reason: reasonOf(error) })
  }
  process.on('message', (call: Call) => {
    const { id } = call
    try {
      const answer = (answers[call.kind] as (database: Database, asked: object) => unknown)(
        file.database(call.file),
        call.asked,
      )
      say({ kind: 'answer', id, answer })
    } catch (error) {
      say({ kind: 'failure', id, reason: reasonOf(error) })
    }
  })
  say({ kind: 'ready' })
}

function say(reply: Reply): void {
  if (process.connected) process.send?.(reply)
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown }
  const text = String(message ?? error)
  return (typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text).slice(0, 1000)
}
