// The host is @atproto/pds: its records and its table `blob` lie in a database of its own (docs/adopting.md). One account, one CID.
//
//  host   row   what is committed in its table: 0 none | 't' temporary | 'p' permanent: a committed record names it
//         rec   how many committed records name it
//         lock  who holds its write lock; what that transaction has done shows only when it commits
//         jobs  deletions in its background queue: they run at any later moment
//  store  held  the blob's row: the account has the blob (its bytes are the rest of the protocol's matter)
//         pins  the references by which it is permanent, each with a mark that is never used again; those of `dead` are zombies
//         pub   the pins by which everybody sees it; q those of a moderator. A reader who finds it hidden asks the host, and shows it
//         mod   the moderator's last word: 0 none | 'q' quarantined
//  There is no clock: a grace period may end at any moment.
import { clone } from './engine.mjs'
export function hostModel(o = {}) {
  const c = { name: 'H', ask: true, lock: true, noteFirst: true, marks: true, hostLocksFirst: true, collectorAsks: true, reconcile: true, judge: 'I1 I2 I5', moderator: false, compare: true,
    jobs: 2, faults: 1, maxMark: 5, start: {}, procs: [['up', 'wr', 'rm', 'up', 'wr']], ...o }
  const init = () => ({ row: 0, rec: 0, lock: '', jobs: 0, held: 0, pins: [], pub: [], q: [], mod: 0, mark: 0, f: 0,
    p: c.procs.map(() => ({ i: 0, pc: 0, seen: [], m: 0, row: 0 })), d: [...Array(c.jobs)].map(() => ({ pc: 0, seen: [] })), r: { pc: 0, seen: [] }, g: 0, v: { pc: 0, seen: [] }, w: { pc: 0, seen: [] }, ...clone(c.start) })
  const mark = (s) => (c.marks ? ++s.mark : 1)
  const norm = (s) => { for (const kind of ['pub', 'q']) s[kind] = s[kind].filter((m) => s.pins.includes(m)); s.pins = [...new Set(s.pins)].sort((a, b) => a - b); s.d.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)); return s }
  // A pin takes the place of those that were read before: of those alone that are there by then, or, compared, not at all.
  const same = (s, seen) => !c.compare || JSON.stringify(s.pins) === JSON.stringify(seen)
  const drop = (s, marks) => { s.pins = s.pins.filter((m) => !marks.includes(m)) }
  function next(s0) {
    const out = []
    const go = (label, f) => { const s = clone(s0); if (f(s) !== false) out.push([label, norm(s)]) }
    s0.p.forEach((u, x) => {
      const me = 'W' + x, op = c.procs[x][u.i]
      if (!op) return
      const free = s0.lock === '' || s0.lock === me
      const done = (s) => { if (s.lock === me) s.lock = ''; s.p[x] = { i: u.i + 1, pc: 0, seen: [], m: 0, row: 0 } }
      const at = (s, pc, more = {}) => { s.p[x] = { ...s.p[x], pc, ...more } }
      if (op === 'up') { // uploadBlob: putTemp, then a transaction of its own
        if (u.pc === 0) go(`${me}.upload: putTemp`, (s) => { s.held = 1; at(s, 1) })
        if (u.pc === 1 && free) go(`${me}.upload: host commits its row`, (s) => { if (!s.row) s.row = 't'; done(s) })
      }
      if (op === 'rm' && free && s0.rec) go(`${me}.delete the record: host commits`, (s) => { s.rec--; if (!s.rec) { s.row = 0; s.jobs++ } done(s) })
      if (op === 'rm' && !s0.rec) go(`${me}.delete the record: there is none`, done)
      if (op === 'wr' || op === 'im') { // a record is written; 'im': uploaded when a record names it already, row and pin in one transaction
        const locksNow = c.hostLocksFirst || op === 'im'
        if (u.pc === 0 && op === 'im') go(`${me}.import: putTemp`, (s) => { s.held = 1; at(s, 1) })
        const first = op === 'im' ? 1 : 0
        if (u.pc === first && (!locksNow || free)) go(`${me}.record: host begins${locksNow ? ', takes its write lock' : ''}, looks up its row`, (s) => {
          const row = s.row || (op === 'im' ? 't' : 0)
          if (!row) return done(s)
          if (locksNow) s.lock = me
          at(s, row === 'p' ? 5 : 2, { row })
        })
        if (u.pc === 2) go(`${me}.record: makePermanent notes the pins there are`, (s) => at(s, 3, { seen: s.pins }))
        if (u.pc === 3) go(`${me}.record: makePermanent: tx pins, drops those noted`, (s) => { if (!s.held) return done(s); if (!same(s, s.p[x].seen)) return at(s, 2, { seen: [] }); if (s.mark >= c.maxMark) return false; drop(s, s.p[x].seen); s.pins.push(mark(s)); at(s, 5, { seen: [] }) })
        if (u.pc === 5 && free) go(`${me}.record: host commits`, (s) => { if (!s.row && op !== 'im') return done(s); s.row = 'p'; s.rec++; done(s) })
        if (u.pc >= 2 && s0.f < c.faults) go(`!! ${me}.record: host rolls back`, (s) => { s.f++; done(s) })
      }
    })
    // the host's background: deleteMany, late
    s0.d.forEach((d, x) => {
      const set = (s, pc, seen = []) => { s.d[x] = { pc, seen } }
      const open = !c.lock || s0.lock === ''
      if (d.pc === 0 && s0.jobs) go('D: deleteMany begins', (s) => { s.jobs--; c.noteFirst ? set(s, 1, s.pins) : set(s, 1) })
      if (d.pc === 1 && (open || !c.ask)) go(`D: asks the host${c.lock ? ' under its write lock' : ''}`, (s) => { if (c.ask && s.row) set(s, 0); else set(s, 2, s.d[x].seen) })
      if (d.pc === 2) go('D: tx drops the pins noted', (s) => { drop(s, c.noteFirst ? s.d[x].seen : s.pins); set(s, 0) })
      if (d.pc > 0 && s0.f < c.faults) go('!! D: the process dies', (s) => { s.f++; set(s, 0) })
    })
    if (s0.jobs && s0.f < c.faults) go('!! a queued deletion is lost', (s) => { s.f++; s.jobs-- })
    if (c.reconcile) {
      const open = !c.lock || s0.lock === ''
      if (s0.r.pc === 0 && s0.pins.length) go('R: reconcile notes the pins', (s) => { s.r = { pc: 1, seen: s.pins } })
      if (s0.r.pc === 1 && open) go('R: asks the host', (s) => { if (s.row === 'p') s.r = { pc: 0, seen: [] }; else s.r.pc = 2 })
      if (s0.r.pc === 2) go('R: tx drops the pins noted', (s) => { drop(s, s.r.seen); s.r = { pc: 0, seen: [] } })
    }
    if (c.moderator) {
      // The first reader of a blob that nobody sees, and of which no moderator has said anything
      if (s0.v.pc === 0 && s0.held && s0.pins.length && !s0.pub.length && !s0.q.length) go('V: a reader notes the pins, asks the host', (s) => { s.v = { pc: s.row === 'p' ? 1 : 0, seen: s.row === 'p' ? s.pins : [] } })
      if (s0.v.pc === 1) go('V: tx shows it to everybody, in place of those noted', (s) => { const { seen } = s.v; s.v = { pc: 0, seen: [] }; if (!s.held || !same(s, seen)) return; if (s.mark >= c.maxMark) return false; drop(s, seen); s.pins.push(mark(s)); s.pub.push(s.mark) })
      if (s0.w.pc === 0 && !s0.mod && s0.held && s0.pins.length) go('W: a moderator notes the pins', (s) => { s.w = { pc: 1, seen: s.pins } })
      if (s0.w.pc === 1) go('W: tx quarantines it, in place of those noted', (s) => { const { seen } = s.w; s.w = { pc: 0, seen: [] }; if (!s.held || !same(s, seen)) return; if (s.mark >= c.maxMark) return false; drop(s, seen); s.pins.push(mark(s)); s.q.push(s.mark); s.mod = 'q' })
    }
    if (s0.held && !s0.pins.length && !s0.g && (!c.collectorAsks || s0.lock === '')) go('G: finds it expired, asks the host', (s) => { if (c.collectorAsks && s.row === 'p') return false; s.g = 1 })
    if (s0.g) go('G: tx deletes the blob unless it is pinned', (s) => { s.g = 0; if (!s.pins.length) s.held = 0 })
    return out
  }
  const I1 = (s) => (s.row === 'p' && !s.held ? 'the host has committed a record of a blob that is gone' : true)
  const I5 = (s) => (s.row === 'p' && s.lock === '' && !s.pins.length ? 'the host has committed a record of a blob that is not pinned' : true)
  const I8 = (s) => (s.mod === 'q' && s.pub.length ? 'a moderator has quarantined it, and everybody sees it' : true)
  const I2 = (s) => {
    if (s.jobs || s.lock || s.r.pc || s.g || s.d.some((d) => d.pc) || s.p.some((u, x) => u.i < c.procs[x].length)) return true
    return s.row !== 'p' && s.pins.length && !c.reconcile ? 'what a crash left is pinned for ever' : 'Q'
  }
  return { name: c.name, init, next, invariants: [['I1 committed => held', I1], ['I2 nothing pinned for ever', I2], ['I5 committed => served', I5], ['I8 quarantined => hidden', I8]].filter(([name]) => c.judge.includes(name.slice(0, 2))) }
}
