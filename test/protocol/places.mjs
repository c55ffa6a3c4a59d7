// PLACES: to whom a root belongs, and when a backend may be left out. One root, two databases; one backend to be retired.
//
//  claim   mk    the marker: 0 none | the database whose id is in it        open[d], keys: live keys by database, bytes: by database
//  retire  row   the backend is in use (`blobstore_backend`)                up, ct: an upload to it is announced, live bytes are in it
//          seen  the writer counts as open: its lease is not over           lock: the retiring transaction holds the row
import { clone } from './engine.mjs'

/** Two databases open one fresh root at once, upload, sweep and collect. Switches remove a rule. */
export function claimModel(o = {}) {
  const c = { name: 'M', exclusive: true, again: true, own: true, ...o }
  const D = [1, 2]
  const init = () => ({ mk: 0, d: D.map(() => ({ pc: 0, saw: 0 })), key: [0, 0], bytes: [0, 0], sweep: [0, 0] })
  function next(s0) {
    const out = []
    const go = (label, f) => { const s = clone(s0); if (f(s) !== false) out.push([label, s]) }
    D.forEach((me, i) => {
      const { pc, saw } = s0.d[i], to = (s, x) => { s.d[i] = { ...s.d[i], ...x } }
      if (pc === 0) go(`D${me}: reads the marker`, (s) => to(s, s.mk === 0 ? { pc: 1 } : s.mk === me ? { pc: 2 } : { pc: 9 }))
      if (pc === 1) go(`D${me}: writes the first marker${c.exclusive ? ', unless there is one' : ''}`, (s) => { if (!c.exclusive || s.mk === 0) s.mk = me; to(s, c.exclusive && s.mk !== me ? { pc: 9 } : { pc: 2 }) })
      if (pc === 2) go(`D${me}: next epoch, reads the marker${c.own ? ', whose it is' : ''}`, (s) => to(s, c.own && s.mk !== me ? { pc: 9 } : { pc: 3 }))
      if (pc === 3) go(`D${me}: replaces the marker; open`, (s) => { s.mk = me; to(s, { pc: 4 }) })
      if (pc === 4 && !s0.key[i]) go(`D${me}: uploads`, (s) => { s.key[i] = s.bytes[i] = 1 })
      if (pc === 4 && !s0.sweep[i]) go(`D${me}: sweep begins${c.again ? ', reads the marker' : ''}`, (s) => { if (c.again && s.mk !== me) return to(s, { pc: 9 }); s.sweep[i] = 1 })
      if (s0.sweep[i] === 1 && s0.bytes[1 - i]) go(`D${me}: no row of it names what D${D[1 - i]} has stored; deleted`, (s) => { s.bytes[1 - i] = 0; s.sweep[i] = 2 })
    })
    return out
  }
  const I1 = (s) => { for (const i of [0, 1]) if (s.key[i] && !s.bytes[i]) return `an acknowledged upload of D${D[i]} was deleted by D${D[1 - i]}`; return true }
  return { name: c.name, init, next, invariants: [['I1 acknowledged => bytes', I1]] }
}

/** A writer to the old backend that may be paused at any time, and somebody who retires it. */
export function retireModel(o = {}) {
  const c = { name: 'M', staysOut: true, proves: true, locks: true, order: ['up', 'ct'], inside: true, ...o }
  const init = () => ({ gone: 0, row: 1, up: 0, ct: 0, seen: 1, lock: 0, w: 0, r: { pc: 0, used: 0 } })
  function next(s0) {
    const out = []
    const go = (label, f) => { const s = clone(s0); if (f(s) !== false) out.push([label, s]) }
    if (s0.seen) go('W is paused, its lease is over', (s) => { s.seen = 0 })
    if (s0.w === 0 && !(c.proves && c.locks && s0.lock)) go('W: tx announces an upload', (s) => { if (c.proves && !c.locks) { s.w = s.row ? 1 : 9; return } if (c.proves && !s.row) s.w = 9; else { s.up = 1; s.w = 2 } })
    if (!s0.row && !s0.seen && !c.staysOut) go('W wakes, and says that it is still there: the backend is in use again', (s) => { s.seen = s.row = 1; s.gone = 1 })
    if (s0.w === 1) go('W: commits it', (s) => { s.up = 1; s.w = 2 })                                   // without a lock, between proof and commit anything may happen
    if (s0.w === 2) go('W: PUT, tx commit', (s) => { s.up = 0; s.ct = 1; s.w = 3 })
    if (s0.w === 3 && s0.ct && s0.r.pc === 0) go('mover: moves it', (s) => { s.ct = 0; s.w = 4 })
    const { pc, used } = s0.r, looks = [...c.order], to = (s, x) => { s.r = { ...s.r, ...x } }
    if (pc === 0 && c.inside) go('R: tx begins, locks the row, looks for writers', (s) => { if (c.locks) s.lock = 1; to(s, { pc: 1, used: s.seen }) })
    if (pc === 0 && !c.inside) go('R: looks for content, before its transaction', (s) => to(s, { pc: 0.5, used: s.ct }))
    if (pc === 0.5) go('R: tx begins, locks the row, looks for writers and uploads', (s) => { if (c.locks) s.lock = 1; to(s, { pc: 3, used: used || s.seen || s.up }) })
    if (pc === 1 || pc === 2) go(`R: looks for ${looks[pc - 1]}`, (s) => to(s, { pc: pc + 1, used: used || s[looks[pc - 1]] }))
    if (pc === 3) go('R: tx commits', (s) => { if (!used) s.row = 0; s.lock = 0; to(s, { pc: used ? 0 : 4, used: 0 }) })
    return out
  }
  const I1 = (s) => ((!s.row || s.gone) && s.ct ? 'an acknowledged upload lies in a backend that is in use no more' : true)
  return { name: c.name, init, next, invariants: [['I1 acknowledged => in use', I1]] }
}
