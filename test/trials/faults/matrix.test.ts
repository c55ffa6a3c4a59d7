import { expect, test } from 'vitest'
import { cellsOf, everyNth, tryCell } from './matrix.ts'

// Every call of a store in a life, to its backend, to the kernel, to the database, meets every fault: disk full, device
// broken, no descriptors, read-only, half written, timed out before and after its effect, killed. Then the process
// continues (or the next does): what failed succeeds when it is repeated, nothing that was acknowledged is lost, and in
// the end nothing is left. Here some of the cells, in test/push/faults.test.ts all.
//
// Fails when a failure is not handled: the bytes of an upload that died are not doomed
// (src/metadata/queries/upload-steps.ts, `endUpload`), a tombstone is removed although deleting failed
// (src/maintenance/delete-doomed.ts), a failed fsync counts (src/backend/files/spool-file.ts), a driver's error is
// thrown unchanged (src/metadata/sql-errors.ts).

test.each([
  ['backend calls', 5, 40],
  ['system calls', 29, 40],
  ['SQL statements', 41, 60],
] as const)(
  'a store continues after a fault among its %s',
  async (level, n, least) => {
    const cells = everyNth(await cellsOf(level), n)
    expect(cells.length).toBeGreaterThan(least)
    for (const cell of cells) await tryCell(cell)
  },
  60_000,
)
