// PURGE: illegal content is to be gone now, and does not come back. One CID, accounts A and B; READ COMMITTED.
//
//  td     1 = taken down by the purge          rec   its record: 0 none | 1 unfinished | 2 finished
//  up, doom   rows of uploads; tombstones, 1 = due. A tombstone is due at last when no PUT under its key can be under way
//  lk     rows of uploads that a running commit has deleted and holds    ct   the key of the live bytes    net   PUTs that may take effect
import { clone } from './engine.mjs'

/** Uploads, a collector and a purge that may crash anywhere, and is then gone on with. Switches remove a rule. */
export function purgeModel(o = {}) {
  const c = { name: 'G', waits: true, commitLooks: true, rowsFirst: true, keepsTombstones: true, dueAt: 'list', uploads: ['A', 'B'], faults: 1, start: true, ...o }
  const U = ['A', 'B']
  const init = () => ({ td: 0, rec: 0, seq: c.start ? 1 : 0, up: {}, lk: {}, ct: c.start ? 1 : 0, blob: { A: c.start ? 1 : 0, B: 0 }, ref: { A: c.start ? 1 : 0, B: 0 }, exp: { A: 0, B: 1 },
    doom: {}, bytes: c.start ? { 1: 1 } : {}, net: [], p: c.uploads.map(() => ({ pc: 0, k: 0, td: 0, ct: 0 })), g: { pc: 0, n: 0, keys: [] }, gc: 0, f: 0 })
  const sorted = (x) => Object.fromEntries(Object.entries(x).sort(([a], [b]) => a - b))
  const known = (s, k) => k in s.up || k in s.doom || s.ct == k
  function next(s0) {
    const out = []
    const go = (label, f) => { const s = clone(s0); if (f(s) === false) return; s.net.sort(); for (const t of ['up', 'lk', 'doom', 'bytes']) s[t] = sorted(s[t]); out.push([label, s]) }
    for (const k of new Set(s0.net)) go(`net: PUT(k${k}) takes effect`, (s) => { s.net.splice(s.net.indexOf(k), 1); s.bytes[k] = 1 })
    c.uploads.forEach((d, i) => {
      const p = s0.p[i], n = `${d}${i + 1}`, to = (s, x) => { s.p[i] = { ...s.p[i], ...x } }, over = (s) => to(s, { pc: 9, k: 0, td: 0, ct: 0 })
      if (p.pc === 0) go(`${n}: announces, reads whether it is purged`, (s) => { if (s.td) return over(s); to(s, { pc: 1 }) })
      if (p.pc === 1) go(`${n}: tx INSERT upload k${s0.seq + 1}, issues PUT`, (s) => { const k = ++s.seq; s.up[k] = 1; s.net.push(k); to(s, { pc: 2, k }) })
      if (p.pc === 2 && s0.f < c.faults && p.k in s0.up) go(`!! ${n}: times out, tx tombstone for k${p.k}`, (s) => { s.f++; delete s.up[p.k]; s.doom[p.k] = 0; over(s) })
      if (p.pc === 2 && !s0.net.includes(p.k)) go(`${n}: commit begins, DELETE upload k${p.k}`, (s) => { if (!(p.k in s.up)) return over(s); s.lk[p.k] = 1; to(s, { pc: 3 }) })
      if (p.pc === 3) go(`${n}: reads takedown and content`, (s) => to(s, { pc: 4, td: c.commitLooks ? s.td : 0, ct: s.ct }))
      if (p.pc === 4) go(`${n}: writes, commits`, (s) => {
        if (p.td) s.doom[p.k] = 1
        else if (p.ct !== s.ct) return to(s, { pc: 3 })               // the content's key, or a foreign key: a lost race
        else { if (s.ct) s.doom[s.ct] = 0; s.ct = p.k; s.blob[d] = 1; if (s.exp[d]) { s.ref[d] = 1; s.exp[d] = 0 } }   // new bytes win; records that wait are met
        delete s.up[p.k]; delete s.lk[p.k]; over(s) })
    })
    for (const k of Object.keys(s0.up)) if (!s0.lk[k]) go(`collector: lease of k${k} is over, tombstone`, (s) => { delete s.up[k]; s.doom[k] = 0 })
    for (const k of Object.keys(s0.doom)) {
      if (!s0.doom[k] && !s0.net.includes(+k)) go(`the delay of k${k} is over`, (s) => { s.doom[k] = 1 })
      if (s0.doom[k] && !s0.gc) go(`collector: DEL(k${k})`, (s) => { delete s.bytes[k]; s.gc = +k })
    }
    if (s0.gc) go(`collector: tx drop tombstone k${s0.gc}`, (s) => { delete s.doom[s.gc]; s.gc = 0 })
    const { pc, n, keys } = s0.g, to = (s, x) => { s.g = { ...s.g, ...x } }                            // ---------------- the purge
    const holder = U.find((d) => s0.blob[d]), counted = Object.keys(s0.up).length
    if (pc === 0) go('purge: tx takedown and record', (s) => { s.td = s.rec = 1; to(s, { pc: 1 }) })
    if (pc === 1 && !(c.waits && Object.keys(s0.lk).length)) go(`purge: ${c.waits ? 'no commit holds an upload, ' : ''}counts ${counted} uploads`, (s) => to(s, { pc: c.rowsFirst ? 2 : 7, n: counted }))
    if (pc === 7) go(`purge: deletes the live k${s0.ct} before its rows`, (s) => { delete s.bytes[s.ct]; to(s, { pc: 2 }) })
    if (pc === 2 && holder) go(`purge: tx records of ${holder} wait, blob(${holder}) goes, and the content that nobody has`, (s) => {
      if (s.ref[holder]) { s.ref[holder] = 0; s.exp[holder] = 1 }
      s.blob[holder] = 0
      if (!U.some((d) => s.blob[d])) { s.doom[s.ct] = 1; s.ct = 0 } })
    if (pc === 2 && !holder) go(`purge: lists ${Object.keys(s0.doom).length} keys`, (s) => to(s, { pc: 3, keys: Object.entries(s.doom) }))
    if (pc === 3) go('purge: deletes them', (s) => { for (const [k] of keys) delete s.bytes[k]; to(s, { pc: 4 }) })
    if (pc === 4) go(`purge: tx drops the tombstones that ${c.dueAt === 'list' ? 'were' : 'are'} due`, (s) => { for (const [k, due] of keys) if ((c.dueAt === 'list' ? due : s.doom[k]) || !c.keepsTombstones) delete s.doom[k]; to(s, { pc: 5, keys: [] }) })
    if (pc === 5) go(n ? 'purge: unfinished, a collection goes on' : 'purge: finished', (s) => { if (n) return to(s, { pc: 1, n: 0 }); s.rec = 2; to(s, { pc: 6, n: 0 }) })
    if (pc > 0 && pc < 6 && s0.f < c.faults) go('!! the purge crashes, a collection goes on', (s) => { s.f++; to(s, { pc: 1, n: 0, keys: [] }) })
    return out
  }
  const I1 = (s) => { for (const d of U) if (s.ref[d] && !(s.ct && s.bytes[s.ct])) return `a record of ${d} references what has no bytes`; return true }
  const I2 = (s) => { for (const k of Object.keys(s.bytes)) if (!known(s, k)) return `k${k} has bytes, and no row names it`
    if (s.g.pc !== 6 || s.net.length || s.gc || s.p.some(({ pc }) => pc !== 9) || Object.keys(s.up).length || Object.keys(s.doom).length) return true
    return Object.keys(s.bytes).length ? 'all is quiet and purged, and there are bytes' : 'Q' }
  const IP = (s) => (s.g.pc > 2 && s.g.pc < 7 && (s.ct || U.some((d) => s.blob[d])) ? 'what was purged is live again' : true)
  return { name: c.name, init, next, invariants: [['I1 referenced => bytes', I1], ['I2 no garbage left', I2], ['IP purged stays purged', IP]] }
}
