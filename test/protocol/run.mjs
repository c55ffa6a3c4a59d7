import { explore } from './engine.mjs'
import { genModel } from './gen.mjs'
import { naiveModel } from './naive.mjs'
import { cidModel } from './cidstate.mjs'
import { contentModel } from './content.mjs'
import { hostModel } from './host.mjs'
import { claimModel, retireModel } from './places.mjs'
import { purgeModel } from './purge.mjs'
import { resumableModel } from './resumable.mjs'
import { entriesModel } from './entries.mjs'
import { spacesModel } from './spaces.mjs'
import { parseArgs } from 'node:util'

const usage = `npm run test:protocol -- [options]

Explores the models of the protocol: it must hold in every interleaving, and break without any one of its rules.

  --quick       small bounds, below 2 GB and two minutes; otherwise everything, which takes 12 GB
  --only NAME   only the runs whose name begins so
  --keys N      with N storage keys where a run that must hold has three
  --states N    give up a run after so many states: it is then no pass (default 12000000, with --quick 400000)
  --minutes M   begin no run after M minutes, and give up the one that is under way
  --no-traces   without the steps that break it
`
const { values } = parseArgs({ options: { help: { type: 'boolean' }, quick: { type: 'boolean', default: false }, only: { type: 'string' },
  keys: { type: 'string' }, states: { type: 'string' }, minutes: { type: 'string' }, 'no-traces': { type: 'boolean', default: false } } })
if (values.help) { process.stdout.write(usage); process.exit(0) }
const { quick, only } = values
const keys = Number(values.keys ?? 3)
const end = Date.now() + Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000
const small = { scriptA: ['up', 'add', 'rm'], scriptB: ['up', 'add'], maxGen: 2, gcs: 1, rollback: false }
const one = { start: { A: ['1'] } } // content k1 is live in backend 1, a record of A references it
const skew = { ...one, start: { A: ['1', '2'] }, split: true, maxGen: 1, faults: 0, procs: [['A', 'rm:1'], ['A', 'rm:2']] }
const expect1 = { split: true, maxGen: 2, procs: [['A', 'imp:1'], ['A', 'up']] }
const many = { meet: 'one', i7: false, maxGen: 2 }
const claim = { split: true, maxGen: 2, procs: [['A', 'imp:w1', 'imp:2'], ['A', 'up']] }
const move = { ...one, procs: [['M', 'mig'], ['B', 'up']] }
const del = { split: true, start: { B: ['1'] }, procs: [['A', 'del'], ['A', 'imp:2', 'up'], ['B', 'rm:1']] }
const old = { ...one, restore: true, faults: 0, procs: [['A', 'rm:1'], ['B', 'up']], marker: 'compare', bump: true }
const back = { start: { A: ['1'] }, restore: true, faults: 0, maxGen: 2, procs: [['A', 'rm:1'], ['B', 'imp:1']], marker: 'none', i6: false, i7: false, recovers: 2 }
const last = { split: true, start: { A: [], B: [] }, maxGen: 2, gcs: 2, procs: [] }
const rot = { ...one, rots: 1, procs: [['B', 'up'], ['A', 'up']] }
const reader = { ...one, procs: [['B', 'up'], ['B', 'up'], ['A', 'read']] }
const H = hostModel
const stored = { row: 'p', rec: 1, held: 1, pins: [1], mark: 1 } // a record names it, and it is pinned
const again = { start: stored, procs: [['rm', 'up', 'wr']] }
const twice = { start: stored, procs: [['rm', 'up', 'wr'], ['up', 'wr', 'rm']] }
const shown = { start: { ...stored }, procs: [], moderator: true, maxMark: 6, judge: 'I1 I8' }
const moving = { start: { rec: 1 }, procs: [['im', 'rm'], ['up', 'wr']] }
const T = entriesModel
const twoUp = { split: true, maxKey: 2, maxEnt: 3, procs: [['A', 'up:x', 'rm:x'], ['B', 'up:x']] }
const illegal = { split: true, faults: 0, procs: [['B', 'purge:x'], ['A', 'up:x']] }
const unsure = { unsure: true, maxKey: 2, maxEnt: 4, procs: [['A', 'up:x', 'rm:x'], ['B', 'up:x']] }
const border = { split: true, quota: 1, faults: 0, maxKey: 2, maxEnt: 2, procs: [['A', 'up:x'], ['A', 'up:y']] }
const V = spacesModel
const spaces = { start: { A: ['a1', 'p1'], B: ['p1'] }, procs: [['A', 'w:-p1', 'w:+b1'], ['A', 'drop:a'], ['A', 'w:-b1,+a2']] }
const waits = { start: {}, starts: { A: ['a1', 'b1'] }, procs: [['A', 'drop:a'], ['A', 'up'], ['A', 'imp:+a2']] }
const hides = { start: { A: ['a1', 'p1'] }, procs: [['A', 'td', 'untd'], ['A', 'drop:a']] }
const leaves = { start: { A: ['a1', 'b1'], B: ['p1'] }, procs: [['A', 'del'], ['A', 'drop:a'], ['B', 'w:-p1']] }
const lastTwo = { start: { A: ['a1', 'b1'] }, procs: [['A', 'drop:a'], ['A', 'drop:b']], faults: 0 }
// Three keys are the default of content.mjs.
const R = (o) => contentModel({ maxGen: keys, ...o })
const runs = [
  // [model, expectation: list of invariants expected to break ([] = must pass), 'full': not in --quick, 'quick': its small twin, only there]
  [naiveModel({ name: 'N1 reference shape, one account, no crash', shared: false }), ['I1']],
  [naiveModel({ name: 'N2 reference shape, one account, 1 crash', shared: false, faults: 1 }), ['I1', 'I2']],
  [naiveModel({ name: 'N3 reference shape + cross-account dedup, 1 crash', shared: true, faults: 1 }), ['I1', 'I2', 'I3']],
  [cidModel({ name: 'C1 CID path, deleting+token, uploads resurrect' }), ['I1']],
  [cidModel({ name: 'C2 CID path, deleting+token, uploads wait, takeover' , mode: 'wait' }), ['I1']],
  [cidModel({ name: 'C3 as C2 but requests never land late (still a paused worker)', mode: 'wait', zombies: false }), ['I1']],
  [cidModel({ name: 'C4 as C3 and NO takeover (one GC that resumes itself)', mode: 'wait', zombies: false, takeover: false, gcs: 1, faults: 0 }), []],
  [genModel({ name: 'P  recommended, 2 GC, 1 fault, 3 generations', maxGen: keys }), [], 'full'],
  [genModel({ name: 'P  recommended, 1 GC, 2 faults, B deletes too', gcs: 1, faults: 2, scriptB: ['up', 'add', 'rm'], maxGen: keys, rollback: false }), [], 'full'],
  [genModel({ name: 'P  recommended, power loss x1, 1 GC, fsync, SQL FULL', power: 1, gcs: 1, faults: 0, maxGen: keys, rollback: false }), [], 'full'],
  [genModel({ name: 'P- no intent row (bytes first, row after), no list sweep', intent: false, sweep: false, gcs: 1 }), ['I2']],
  [genModel({ name: 'P- no intent row, list sweep', intent: false, sweep: true, gcs: 1 }), ['I1']],
  [genModel({ name: 'P- GC acts on an old SELECT (no re-check / no FK)', recheck: false, gcs: 1 }), ['I1']],
  [genModel({ name: 'P- sweep reads SQL first, lists after', sweepOrder: 'check-then-list', gcs: 1 }), ['I1']],
  [genModel({ name: 'P- no list sweep (row-driven GC only)', sweep: false, gcs: 1 }), ['I2'], 'full'],
  [genModel({ name: 'P- no list sweep, tombstone kept while a PUT may land', sweep: false, gcs: 1, keepTombWhilePutPossible: true }), ['I2'], 'full'],
  [genModel({ name: 'P- no list sweep, DEL waits until no PUT of that key is in flight', sweep: false, gcs: 1, delAfterPut: true }), ['I2'], 'full'],
  [genModel({ name: 'P- commit before fsync, power loss x1', fsync: false, power: 1, gcs: 1, faults: 0, maxGen: 3 }), ['I1']],
  [genModel({ name: 'P- SQL synchronous=NORMAL / async commit, power loss x1', sqlFull: false, power: 1, gcs: 1, faults: 0, maxGen: 2, scriptA: ['up', 'add', 'rm'], scriptB: [] }), ['I1']],
  [genModel({ name: 'S1 records in another database, no reconcile', sep: 'none', gcs: 1, maxGen: 3, scriptB: [] }), ['I2']],
  [genModel({ name: 'S2 records in another database, reconcile drops refs the host does not show', sep: 'naive', gcs: 1, maxGen: 3, scriptB: [] }), ['I1']],
  [genModel({ name: 'S3 as S2 but never while a pinned host tx may still commit (pin TTL > host tx deadline)', sep: 'deadline', gcs: 1, maxGen: keys, scriptB: ['up', 'add'], rollback: false }), [], 'full'],
  [genModel({ ...small, name: 'P  recommended, 1 GC, 1 fault, 2 generations' }), [], 'quick'],
  [genModel({ ...small, name: 'P  recommended, power loss x1, 2 generations', power: 1, faults: 0 }), [], 'quick'],
  [genModel({ ...small, name: 'P- no list sweep, 2 generations', scriptB: [], sweep: false }), ['I2'], 'quick'],
  [genModel({ ...small, name: 'P- no list sweep, tombstone kept while a PUT may land, 2 generations', scriptB: [], sweep: false, keepTombWhilePutPossible: true }), ['I2'], 'quick'],
  [genModel({ ...small, name: 'P- no list sweep, DEL waits for PUTs in flight, 2 generations', scriptB: [], sweep: false, delAfterPut: true }), ['I2'], 'quick'],
  // upload and content apart (READ COMMITTED: a transaction reads, others commit, it writes)
  [R({ name: 'R1 split tables, atomic, from empty', maxGen: 2 }), [], 'quick'],
  [R({ name: 'R1 split tables, READ COMMITTED, from empty', maxGen: 2, split: true }), []],
  [R({ name: 'R1 split tables, READ COMMITTED, from empty, 3 keys', split: true }), [], 'full'],
  [R({ name: 'R1 split tables, atomic, 2 GC, 3 keys', ...one, gcs: 2, procs: [['A', 'rm:1', 'up', 'add:1'], ['B', 'up', 'add:1']] }), [], 'full'],
  [R({ name: 'R1- commit only SELECTs its own upload row', maxGen: 2, split: true, ownRow: 'select' }), ['I1', 'I3']],
  [R({ name: 'R1- content replaced without comparing the old key', split: true, cas: false, ...one, procs: [['A', 'up'], ['B', 'up']] }), ['I2']],
  [R({ name: 'R1- collector dooms the key it SELECTed, not the one its DELETE returned', split: true, gcReturning: false, atOnce: false, gcs: 2, start: { A: [] }, procs: [['B', 'up']] }), ['I2']],
  [R({ name: 'R1- sweep looks up content first, then upload and doomed', maxGen: 2, split: true, sweepLook: 'half' }), ['I1', 'I3']],
  [R({ name: 'R1 reader across two replacements', ...reader }), []],
  [R({ name: 'R1 reader across two replacements, READ COMMITTED', ...reader, split: true }), [], 'full'],
  [R({ name: 'R1- the delete delay does not outlast a read, 2 replacements', ...reader, delay: false }), ['I5']],
  [R({ name: 'R1- nor does the reader resolve again, 1 replacement', ...one, procs: [['B', 'up'], ['A', 'read']], delay: false, reresolve: false }), ['I5']],
  // healing
  [R({ name: 'R2 rot: not fresh -> new bytes win', ...rot }), []],
  [R({ name: 'R2 rot, READ COMMITTED', ...rot, split: true }), [], 'full'],
  [R({ name: 'R2 rot found by scrub, verified_at = null', ...rot, scrub: true, strict: 'scrub' }), []],
  [R({ name: 'R2 rot, the mover copies meanwhile', ...rot, procs: [['B', 'up'], ['M', 'mig']] }), []],
  [R({ name: 'R2- the old bytes win', ...rot, newWins: false }), ['I4']],
  [R({ name: 'R2- scrub only reports', ...rot, scrub: true, scrubNull: false, strict: 'scrub' }), ['I4']],
  [R({ name: 'R2- the mover neither verifies nor compares the old key', ...rot, procs: [['B', 'up'], ['M', 'mig']], cas: false, verifyCopy: false }), ['I4']],
  [R({ name: 'R2- promised also where content counted as fresh (a limit, not a rule)', ...rot, strict: 'any' }), ['I4']],
  // expected references, the account's row first
  [R({ name: 'R3 last two references dropped at once', ...skew }), []],
  [R({ name: 'R3 as before without the account row, but expires_at is never cleared', ...skew, acctFirst: false, keepXp: true }), []],
  [R({ name: 'R3 import and upload of one account at once', ...expect1 }), []],
  [R({ name: 'R3 import, dereference, upload, another account', ...expect1, procs: [['A', 'imp:1', 'rm:1'], ['A', 'up'], ['B', 'up', 'add:1']] }), [], 'full'],
  [R({ name: 'R3 imported records claim another type or size than the bytes have', ...claim }), []],
  [R({ name: 'R3 as before, and one of them is deleted', ...claim, procs: [['A', 'imp:w1', 'imp:2', 'rm:2'], ['A', 'up'], ['B', 'up', 'add:1']] }), [], 'full'],
  [R({ name: 'R3- an expected reference is met by what its record claims', ...claim, metBy: 'claims' }), ['I7']],
  [R({ name: 'R3- as before, and what comes of it: an acknowledged upload is collected', ...claim, metBy: 'claims', i7: false }), ['I1']],
  [R({ name: 'R3- last two references, account row not first, only the last sets expires_at', ...skew, acctFirst: false, rmSets: false, gcClears: false }), ['I2']],
  [R({ name: 'R3- import and upload, account row not first', ...expect1, acctFirst: false, i7: false }), ['I1']],
  [R({ name: 'R3- import and upload, UPDATE of an account row that is not there yet', ...expect1, acctUpsert: false, i7: false }), ['I1']],
  [R({ name: 'R3- content left without a blob, and nobody searches for it', ...one, procs: [['A', 'rm:1']], atOnce: false, search: false }), ['I2']],
  // many records wait for one blob: one references it in the commit, the others one by one
  [R({ name: 'R3 two records wait, and are met one by one', ...many, procs: [['A', 'imp:1', 'imp:2'], ['A', 'up'], ['B', 'up', 'add:1']] }), []],
  [R({ name: 'R3 as before, one is written again or goes meanwhile', ...many, procs: [['A', 'imp:1', 'imp:2', 'add:1', 'rm:1'], ['A', 'up'], ['B', 'up', 'add:1']] }), [], 'full'],
  [R({ name: 'R3 as before, the account is deleted', ...many, procs: [['A', 'imp:1', 'imp:2', 'del'], ['A', 'up'], ['B', 'up', 'add:1']] }), []],
  [R({ name: 'R3- a blob that records wait for expires', ...many, waited: 'collected', procs: [['A', 'imp:1', 'imp:2', 'rm:1'], ['A', 'up']] }), ['I1']],
  [R({ name: 'R3- the first of them makes the blob permanent', ...many, permanent: 'any', procs: [['A', 'imp:1', 'imp:2'], ['A', 'up']] }), ['I2']],
  [R({ name: 'R3 every reference that goes sets the expiry, and the collector clears it', ...skew, rmSets: true }), []],
  // account deletion
  [R({ name: 'R4 delete account: mark, expected, references, blobs; crashes between', ...del, maxGen: 2 }), []],
  [R({ name: 'R4 delete account, both hold it, 3 keys', ...del, start: { A: ['1'], B: ['1'] } }), [], 'full'],
  [R({ name: 'R4 delete account in one transaction', ...del, start: { A: ['1'], B: ['1'] }, delSteps: ['all+mark'], maxGen: 2 }), []],
  [R({ name: 'R4- no mark on the account row', ...del, delSteps: ['exp', 'ref', 'blob'] }), ['I2']],
  [R({ name: 'R4- account row not first', ...del, acctFirst: false }), ['I2']],
  [R({ name: 'R4- deletes the content the account "owned"', ...del, start: { A: ['1'], B: ['1'] }, delSteps: ['mark', 'exp', 'ref', 'content!'] }), ['I1', 'I3']],
  // the last blobs of one CID, of two accounts, deleted at once in READ COMMITTED
  [R({ name: 'R7 the last two blobs of one CID collected at once', ...last }), []],
  [R({ name: 'R7 as before, a third upload between', ...last, procs: [['B', 'up']] }), []],
  [R({ name: 'R7 both accounts deleted at once', ...last, gcs: 1, procs: [['A', 'del'], ['B', 'del']] }), []],
  [R({ name: 'R7 collected while another account uploads and references it', ...last, start: { A: [] }, gcs: 1, procs: [['B', 'up', 'add:1']] }), []],
  [R({ name: 'R7- the content is not locked before it is looked who else has it', ...last, ctLock: false }), ['I2']],
  [R({ name: 'R7- nor when accounts are deleted', ...last, gcs: 1, procs: [['A', 'del'], ['B', 'del']], ctLock: false }), ['I2']],
  // moving from backend 1 to backend 2 while serving
  [R({ name: 'R5 move, uploads to either backend, READ COMMITTED', ...move, split: true, upTo: [1, 2] }), []],
  [R({ name: 'R5 move with a reader', ...move, procs: [['M', 'mig'], ['A', 'read'], ['B', 'up']] }), []],
  [R({ name: 'R5 move, A dereferences, 2 GC, READ COMMITTED', ...move, split: true, gcs: 2, procs: [['M', 'mig'], ['A', 'rm:1'], ['B', 'up']], upTo: [1, 2] }), [], 'full'],
  [R({ name: 'R5- mover does not take its own upload row', ...move, procs: [['M', 'mig']], ownRow: 'select' }), ['I1', 'I3']],
  [R({ name: 'R5- mover does not compare the old key', ...move, cas: false }), ['I2']],
  [R({ name: 'R5- same key in the other backend', ...move, procs: [['M', 'mig']], newKey: false }), ['I1', 'I3']],
  [R({ name: 'R5- only the first backend is swept', ...move, procs: [['M', 'mig']], sweepOn: [1] }), ['I2']],
  // a database restored from the past
  [R({ name: 'R6 restore, epoch moved after the backup, compared before it moves', ...old }), []],
  [R({ name: 'R6 restore of a copy that nobody recorded, a renewal of the marker later', ...old, bump: false, renews: 1, afterOpen: true }), []],
  [R({ name: 'R6 as before, and one more start', ...old, opens: 1 }), [], 'full'],
  [R({ name: 'R6 restore, no marker: what the restored database references is safe all the same', ...old, marker: 'none', i6: false }), [], 'full'],
  [R({ name: 'R6- delete delay shorter than the age of the backup', ...old, delay: false }), ['I1', 'I3']],
  [R({ name: 'R6- no marker', ...old, marker: 'none' }), ['I6']],
  [R({ name: 'R6- marker, epoch moves only at open, no open since the backup', ...old, bump: false }), ['I6']],
  [R({ name: 'R6- marker, epoch + 1 first, then compared: one open since the backup is not seen', ...old, marker: 'text', bump: false, opens: 1, afterOpen: true }), ['I6']],
  [R({ name: 'R6- only the sweep refuses, not collect', ...old, refuse: 'sweep' }), ['I6']],
  // who gets back what a restored database has forgotten
  [R({ name: 'R6 recover, once more after a sweep, B imports and never uploads', ...back, procs: [['A', 'rm:1', 'up'], ['B', 'imp:1']] }), [], 'full'],
  [R({ name: 'R6 recover, once more after a sweep, B imports', ...back }), [], 'quick'],
  [R({ name: 'R6- recover believes records', ...back, recover: 'expected' }), ['I9']],
  [R({ name: 'R6- recover makes a key live again', ...back, doomed: 'revived' }), ['I3']],
  [R({ name: 'R6- recover does not look at what is doomed', ...back, doomed: 'left' }), ['IA']],
  // to whom a root belongs, and when a backend may be left out
  [claimModel({ name: 'M1 two databases open one fresh root at once' }), []],
  [claimModel({ name: 'M1- the first marker is written over another', exclusive: false, own: false, again: false }), ['I1']],
  [claimModel({ name: 'M1- the same, and the marker is looked at again before each sweep: not enough', exclusive: false, own: false }), ['I1']],
  [claimModel({ name: 'M1- the same, and the epoch is written over its own marker alone: not enough', exclusive: false }), ['I1']],
  [retireModel({ name: 'M2 a backend is retired while a paused process uploads' }), []],
  [retireModel({ name: 'M2- content is looked for before the transaction', inside: false }), ['I1']],
  [retireModel({ name: 'M2- content is looked for before uploads', order: ['ct', 'up'] }), ['I1']],
  [retireModel({ name: 'M2- an upload is announced without a look at the backend', proves: false }), ['I1']],
  [retireModel({ name: 'M2- with a look that locks nothing', locks: false }), ['I1']],
  [retireModel({ name: 'M2- who says that it is still there brings the backend back', staysOut: false }), ['I1']],
  // illegal content, deleted before its delay is over
  [resumableModel({ name: 'U1 an upload in two parts, two clients, a crash' }), []],
  [resumableModel({ name: 'U1 as before, two crashes, 5 keys', faults: 2, maxKey: 5 }), [], 'full'],
  [resumableModel({ name: 'U1- a part is added although its row is gone', ownRow: false }), ['IU']],
  [resumableModel({ name: 'U1- a part is added although it does not continue what has arrived', inOrder: false }), ['IU']],
  [resumableModel({ name: 'U1- the collector dooms parts of an upload that is not ended', endsFirst: false }), ['IU']],
  [resumableModel({ name: 'U1- a part that was not added is forgotten without a tombstone', dropsPuts: false }), ['I2']],
  [resumableModel({ name: 'U1- who finishes marks nothing, and a missing part is not noticed', claims: false, verifies: false }), ['I1']],
  [purgeModel({ name: 'G1 a purge, two uploads of the same, one fault' }), []],
  [purgeModel({ name: 'G1 of what nobody has', start: false }), []],
  [purgeModel({ name: 'G1 three uploads of what nobody has', start: false, uploads: ['A', 'B', 'A'] }), [], 'full'],
  [purgeModel({ name: 'G1- of what nobody has, and it does not wait for commits that may not have seen it', start: false, waits: false }), ['IP']],
  [purgeModel({ name: 'G1- a commit does not look', commitLooks: false }), ['IP']],
  [purgeModel({ name: 'G1- the bytes before the rows', rowsFirst: false }), ['I1']],
  [purgeModel({ name: 'G1- tombstones go before their delay is over', keepsTombstones: false }), ['I2']],
  [purgeModel({ name: 'G1- whether a tombstone is due is looked after the deletion', dueAt: 'drop' }), ['I2']],
  // records in the databases of @atproto/pds: pinned in the host's transaction, deleted late, asked before anything goes
  [H({ name: 'H1 delete, upload again, reference again, the deletion late', ...again, maxMark: 4 }), []],
  [H({ name: 'H1 the same, two clients of one account', ...twice, maxMark: 6 }), [], 'full'],
  [H({ name: 'H1 the same, two clients of one account, no fault', ...twice, maxMark: 6, faults: 0 }), [], 'quick'],
  [H({ name: 'H1 an account moves in: row and pin in one transaction', ...moving }), []],
  [H({ name: 'H1 the collector does not ask (its question is for what mistakes leave)', ...again, collectorAsks: false }), []],
  [H({ name: 'H1 the collector asks, and the deletion does not: nothing is lost, but not all is served', ...again, ask: false, reconcile: false, judge: 'I1' }), []],
  [H({ name: 'H1- the deletion does not ask', ...again, ask: false, reconcile: false, collectorAsks: false, judge: 'I1' }), ['I1']],
  [H({ name: 'H1- it asks without the write lock', ...moving, start: { rec: 1, held: 1, pins: [1], mark: 1, jobs: 1 }, lock: false, reconcile: false, collectorAsks: false, judge: 'I1' }), ['I1']],
  [H({ name: 'H1- it drops what is pinned after the answer, not what was before the question', ...again, noteFirst: false, reconcile: false, collectorAsks: false, judge: 'I1' }), ['I1']],
  [H({ name: 'H1- pins have one name', ...again, marks: false, reconcile: false, collectorAsks: false, judge: 'I1' }), ['I1']],
  [H({ name: 'H1- the host makes permanent before it takes its write lock', ...again, hostLocksFirst: false, judge: 'I1' }), ['I1']],
  [H({ name: 'H1 a moderator quarantines it while a reader waits for the host', ...shown }), []],
  [H({ name: 'H1- a pin takes the place of those noted, whatever else is there by then', ...shown, compare: false }), ['I8']],
  [H({ name: 'H1- no reconciling: a rollback, or a lost deletion', ...again, reconcile: false, judge: 'I2' }), ['I2']],
  // spaces: by what a reader asks, and what is shown
  [V({ name: 'V1 records come and go in public and in two spaces, one is dropped', ...spaces }), []],
  [V({ name: 'V1 the bytes are replaced meanwhile, 2 reads', ...spaces, swaps: 1, reads: 2 }), [], 'full'],
  [V({ name: 'V1 the bytes are replaced meanwhile', ...spaces, swaps: 1, faults: 0 }), [], 'quick'],
  [V({ name: 'V1 as before, taken down, and the account is deleted, 2 collectors, 2 crashes', ...spaces, procs: [['A', 'w:-p1', 'w:+b1'], ['A', 'drop:a'], ['A', 'imp:-b1,+a2', 'up'], ['A', 'td', 'del']], gcs: 2, faults: 2, swaps: 1 }), [], 'full'],
  [V({ name: 'V1 records wait, and the upload comes while their space is dropped', ...waits }), []],
  [V({ name: 'V1 taken down and restored while a space is dropped', ...hides }), []],
  [V({ name: 'V1 the account is deleted while a space is dropped', ...leaves }), []],
  [V({ name: 'V1 both spaces are dropped at once', ...lastTwo, faults: 1, gcs: 2 }), []],
  [V({ name: 'V1 the collector looks for public records alone: the foreign key holds it', ...spaces, collects: 'p' }), []],
  [V({ name: 'V1- shown by any reference', ...spaces, sees: 'any' }), ['IB']],
  [V({ name: 'V1- a space shows what is public, too', ...spaces, sees: 'or public' }), ['IB']],
  [V({ name: 'V1- shown by the reference of another account', ...spaces, sees: 'whose' }), ['IB']],
  [V({ name: 'V1- the references first, then the key', ...spaces, oneQuery: false }), ['IB']],
  [V({ name: 'V1- after a key that is gone only the key is looked up again', ...spaces, swaps: 1, again: 'key' }), ['IB']],
  [V({ name: 'V1- a takedown hides from the public alone', ...hides, hides: ['td of p', 'acct'] }), ['IB']],
  [V({ name: 'V1- a deletion hides only what it has reached', ...leaves, hides: ['td'] }), ['IB']],
  [V({ name: 'V1- dropSpace forgets what is referenced, not what waits', ...waits, dropExp: false }), ['IB']],
  [V({ name: 'V1- the collector looks for public records alone, no foreign key', ...spaces, collects: 'p', fk: false }), ['I1']],
  [V({ name: 'V1- dropSpace looks for other references before it has the account’s lock', ...lastTwo, dropLock: false }), ['I2']],
  [V({ name: 'V1- nobody takes the account’s lock', ...lastTwo, acctFirst: false }), ['I2']],
  [V({ name: 'V1- dropSpace sets no expiry', ...lastTwo, dropLooks: 'none' }), ['I2']],
  // small uploads: the process's entry in place of a row for each
  [T({ name: 'T1 two processes upload, their entries are closed at any moment, READ COMMITTED', ...twoUp }), []],
  [T({ name: 'T1 as before, with records and three keys, atomic' }), [], 'full'],
  [T({ name: 'T1 beside a spooled body, which keeps its row', procs: [['A', 'spool:x', 'add:x'], ['B', 'up:x', 'add:x']] }), [], 'full'],
  [T({ name: 'T1 the content is copied meanwhile', start: true, procs: [['A', 'copy:x'], ['B', 'up:x', 'add:x']] }), [], 'full'],
  [T({ name: 'T1 the account is deleted meanwhile', start: true, split: true, faults: 0, maxEnt: 3, procs: [['A', 'del'], ['A', 'up:x']] }), []],
  [T({ name: 'T1 a purge of what is live', start: true, ...illegal }), []],
  [T({ name: 'T1 a purge of what nobody has', ...illegal }), []],
  [T({ name: 'T1 two uploads at the border of a quota', ...border }), []],
  [T({ name: 'T1 who gives a PUT up forgets it: the sweep finds it', gives: false, faults: 0, maxKey: 2, maxEnt: 3, procs: [['A', 'up:x'], ['B', 'up:x']] }), []],
  [T({ name: 'T1 the answer of a commit is lost, and it runs late', ...unsure }), []],
  [T({ name: 'T1- a commit does not prove that its entry is open', proves: false }), ['I1']],
  [T({ name: 'T1- it looks, and locks nothing', split: true, locks: false }), ['I1']],
  [T({ name: 'T1- an entry that was closed is opened again under its number', newNumber: false }), ['I1']],
  [T({ name: 'T1- the sweep knows no entries', knows: false }), ['I1']],
  [T({ name: 'T1- a process of an older version sweeps', fenced: false }), ['I1']],
  [T({ name: 'T1- the sweep looks up first, then lists', listFirst: false }), ['I1']],
  [T({ name: 'T1- the sweep looks at the tables, then at the entries', oneLook: false }), ['I1']],
  [T({ name: 'T1- the quota is checked before the bytes, not in the commit', ...border, faults: 1, charges: 'before' }), ['IQ']],
  [T({ name: 'T1- who does not know whether it committed stays in its entry', ...unsure, leaves: false }), ['I1']],
  [T({ name: 'T1- a commit runs once more after its blob was collected: a limit, not a rule', ...unsure, repeats: true }), ['I1']],
  [T({ name: 'T1- a commit that runs twice at once dooms its own key', ...unsure, repeats: true, once: false }), ['I1']],
  [T({ name: 'T1- it does not look whether it was committed', ...unsure, sees: false }), ['I1']],
  [T({ name: 'T1- a purge does not wait at the entries', ...illegal, waits: false }), ['IP']],
  [T({ name: 'T1- a commit does not look for purges', ...illegal, split: false, looks: false }), ['IP']],
]
let bad = 0, left = 0
for (const [m, expect, size] of runs) {
  if (only && !m.name.startsWith(only)) continue
  if (size === (quick ? 'full' : 'quick')) continue
  if (Date.now() > end) { left++; continue }
  const maxStates = Number(values.states ?? (quick ? 400_000 : 12_000_000))
  const r = explore(m, { maxStates, until: expect, end, onProgress: (states, ms) => process.stderr.write(`${(ms / 1000).toFixed(0)} s, ${states} states: ${m.name}\n`) })
  const broke = r.violations.map((v) => v.invariant.slice(0, 2)).sort()
  const ok = expect.length ? expect.every((e) => broke.includes(e)) : broke.length === 0 && !r.capped
  if (!ok) bad++
  console.log(`${ok ? 'as expected' : 'SURPRISE   '} | ${broke.length ? 'BREAKS ' + broke.join(',') : 'holds'} | ${r.states} states, ${r.transitions} transitions${r.capped ? ' (CAPPED)' : ''}, ${(r.ms / 1000).toFixed(1)}s | ${m.name}`)
  if (!values['no-traces']) for (const v of r.violations) { console.log(`    ${v.invariant}: ${v.why}`); v.steps.forEach((x, i) => console.log(`      ${String(i + 1).padStart(2)}. ${x}`)) }
}
if (left) console.log(`${left} runs not begun`)
console.log(bad ? `${bad} SURPRISES` : 'all as expected'); process.exitCode = bad ? 1 : 0
