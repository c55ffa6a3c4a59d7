import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { BackendUse, ProcessNote, ProcessSteps } from '../contract/processes.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { longest, type SharedTimes } from '../shared-times.ts'
import { execute, firstRow, onlyRow, rowsOf, type Step } from '../step.ts'
import { retired } from './announce-upload.ts'
import { newNumber } from './entry-rows.ts'
import { readNotes, writeNotes } from './meta-notes.ts'

type Trx = Kysely<Tables>

export function processSteps(session: Session): ProcessSteps {
  return {
    enter: async (process) => {
      // In its own transaction: a refusal below rolls back what it has written. The correction would be lost, and the
      // refusal repeated until the date that the wrong clock showed.
      await session.write((trx) => bringBack(trx, process.lease))
      return session.write((trx) => enter(trx, process))
    },

    leave: async (id) => {
      await session.write((trx) => execute(trx.deleteFrom('blobstore_process').where('id', '=', id)))
      // After the commit: of two that leave at once, none would be the last if each still saw the other.
      return (await session.read(running)).length
    },

    closeEntries: () => session.write(closeOver),

    retireBackend: async (name) => {
      // The search takes long if it finds nothing, and other processes wait for the lock. So the first search is
      // without it.
      const use = await session.read((db) => useOf(db, name))
      if (isUsed(use)) return use
      return session.write(function* (trx) {
        // From here on no process announces an upload to this backend, see announceUpload, nor commits one, see
        // findEntry. Waits for commits under way: before it takes the lock, for which all processes wait.
        if (session.dialect.name === 'postgres') {
          yield* execute(trx.selectFrom('blobstore_backend').select('name').where('name', '=', name).forUpdate())
        }
        yield* lock(trx)
        const now = yield* useOf(trx, name)
        if (!isUsed(now)) yield* execute(trx.deleteFrom('blobstore_backend').where('name', '=', name))
        return now
      })
    },
  }

  /**
   * Shortens entries that reach too far into the future to a lease from now. Deletes none, because it is unknown whose
   * clock is wrong; a living process renews its entry in time.
   */
  function* bringBack(trx: Trx, lease: number): Step<void> {
    yield* execute(
      trx
        .updateTable('blobstore_process')
        .set({ seen_until: session.now(lease) })
        .where('seen_until', '>', session.now(lease)),
    )
  }

  function* closeOver(trx: Trx): Step<void> {
    const over = trx.selectFrom('blobstore_process').select('id').where('seen_until', '<=', session.now())
    const free = session.dialect.name === 'postgres' ? over.forUpdate().skipLocked() : over
    yield* execute(trx.deleteFrom('blobstore_process').where('id', 'in', free))
  }

  function* enter(trx: Trx, process: ProcessNote): Step<{ number: number; times: SharedTimes }> {
    const { id, backends, writesTo, lease, opening, times, defaults } = process
    yield* lock(trx)
    yield* closeOver(trx)
    const used = yield* rowsOf(trx.selectFrom('blobstore_backend').select('name'))
    const names = used.map((row) => row.name)
    const unknown = names.filter((name) => !backends.includes(name))
    if (unknown.length > 0) throw notGiven(unknown)
    if (!names.includes(writesTo)) {
      if (!opening) throw retired(writesTo)
      const others = (yield* running(trx)).filter((one) => one.id !== id)
      const ignorant = others.filter((one) => !backendsOf(one).includes(writesTo))
      if (ignorant.length > 0) throw notKnownToAll(writesTo, ignorant.length)
      yield* execute(trx.insertInto('blobstore_backend').values({ name: writesTo }))
    }
    const seen = { writes_to: writesTo, seen_until: session.now(lease) }
    const note = { ...seen, backends: JSON.stringify(backends), times: JSON.stringify(times) }
    const entry = yield* onlyRow(
      trx
        .insertInto('blobstore_process')
        .values({ id, number: newNumber(), ...note })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(note))
        .returning('number'),
    )
    return { number: Number(entry.number), times: yield* agreedTimes(session, trx, defaults) }
  }

  /** Searches in the order in which bytes move: what moves on between two searches is found by the second. */
  function* useOf(db: Trx, name: string): Step<BackendUse> {
    const writers = (yield* running(db)).filter((one) => one.writes_to === name).length
    const uploads = yield* has(db, 'blobstore_upload', name)
    const content = yield* has(db, 'blobstore_content', name)
    return { content, uploads, doomed: yield* has(db, 'blobstore_doomed', name), writers }
  }

  function running(trx: Trx): Step<{ id: string; backends: string; writes_to: string }[]> {
    return rowsOf(
      trx
        .selectFrom('blobstore_process')
        .select(['id', 'backends', 'writes_to'])
        .where('seen_until', '>', session.now()),
    )
  }
}

/** One process at a time opens the store, renews its entry, or retires a backend. */
function* lock(trx: Trx): Step<void> {
  yield* execute(trx.updateTable('blobstore_meta').set((eb) => ({ epoch: eb.ref('epoch') })))
}

const isUsed = ({ content, uploads, doomed, writers }: BackendUse): boolean =>
  content || uploads || doomed || writers > 0

function* has(
  db: Trx,
  table: 'blobstore_content' | 'blobstore_upload' | 'blobstore_doomed',
  backend: string,
): Step<boolean> {
  const row = yield* firstRow(db.selectFrom(table).select('key').where('backend', '=', backend).limit(1))
  return row !== undefined
}

const backendsOf = ({ backends }: { backends: string }): string[] => JSON.parse(backends)

function notGiven(unknown: readonly string[]): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `The store has bytes in ${unknown.join(', ')} too, which this process was not given: name it in \`backend.all\`, ` +
      'until everything has moved from there',
  )
}

function notKnownToAll(name: string, others: number): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `${others} other process${others === 1 ? '' : 'es'} of this store would not find what is written to ${name}: first name it ` +
      'in `backend.all` of every process, then write to it. A process that was killed counts for some minutes',
    { backend: name, transient: true },
  )
}

/**
 * The longest times that any open process was given. For a time that none was given, the last that the store had: a
 * tool beside the host has no times, and the host may be stopped. Stores them, and the longest that the store ever had.
 * A process uses its `defaults` for times that no process was given.
 */
function* agreedTimes(session: Session, trx: Kysely<Tables>, defaults: SharedTimes): Step<SharedTimes> {
  const open = yield* rowsOf(
    trx.selectFrom('blobstore_process').select('times').where('seen_until', '>', session.now()),
  )
  const before = yield* readNotes(trx)
  const times = { ...before.times, ...longest(open.map(({ times }) => parsed(times))) }
  const most = longest([before.most, before.times, { ...defaults, ...times }])
  yield* writeNotes(trx, before, { ...before, times, most })
  return times
}

/** `times` is null for a process of an older version, which recorded none. */
function parsed(times: string | null): SharedTimes {
  return times === null ? {} : longest([JSON.parse(times)])
}
