// SPACES: who sees a blob by what. One CID, accounts A and B, records that are public (p1) or in a space (a1, a2, b1).
//
//  SQL    blob[d] 0|1, xp[d] 1 = expires_at set, ref[d], exp[d] = records of `blob_ref` (FK -> blob) and `expected_ref`; the first
//         letter is the record's place     td[d] taken down     acct[d] 1 | 2 marked deleted     ct = `content`: the live key of the CID
//  BYTES  keys under which bytes are; those of a key that was replaced go at ANY later moment
//  HOST   rec[d] (ghost) = records that its commits have written and not deleted, and that no dropSpace has forgotten
//  TX     two steps, as in content.mjs: begin + read | write + constraints + commit; rule 6 holds lock[d] between the two
//  A reader asks by one place, and is shown what one query finds; a key that is gone meanwhile sends it to look again, once.
import { clone } from './engine.mjs'
const place = (r) => r[0]
export function spacesModel(o = {}) {
  const c = { name: 'V', procs: [['A', 'w:+p1', 'drop:a']], gcs: 1, faults: 1, reader: ['p', 'a', 'b'], reads: 1, swaps: 0, fk: true, collects: 'all',
    sees: 'place',        // a look-up finds references of exactly the place; or of 'any', of the place 'or public', of the CID whoever references it ('whose')
    oneQuery: true,       // it is one query; or the references first, then the key and the rest
    again: 'all',         // after a key that is gone: the whole look-up again, or only the 'key'
    hides: ['td', 'acct'], // what else hides it, from whatever place it is asked by; 'td of p': only from the public
    acctFirst: true,      // rule 6, for every transaction
    dropLock: true, dropLooks: 'any',     // dropSpace reads under the account's lock; looks for other references of 'any' place, of 'p' alone, or sets no expiry ('none')
    dropExp: true,        // it forgets what waits, too, until neither that nor a reference is left
    delSteps: ['mark', 'exp', 'ref', 'blob'], start: { A: [] }, starts: {}, ...o }
  const U = ['A', 'B']
  const init = () => {
    const s = { blob: { A: 0, B: 0 }, xp: { A: 0, B: 0 }, ref: { A: [], B: [] }, exp: { A: [], B: [] }, td: { A: 0, B: 0 }, acct: { A: 1, B: 1 }, ct: 0, bytes: [],
      rec: { A: [], B: [] }, lock: { A: 0, B: 0 }, p: c.procs.map(() => ({ i: 0, pc: 0, v: 0, was: [] })), g: Array(c.gcs).fill(0), rd: { n: 0, pc: 0, q: '', key: 0, refs: 0, saw: '', all: 0 }, f: 0, seq: 1, sw: 0, late: 0 }
    for (const [d, refs] of Object.entries(c.start)) { s.blob[d] = 1; s.ref[d] = [...refs]; s.rec[d] = [...refs]; s.xp[d] = refs.length ? 0 : 1; s.ct = 1; s.bytes = [1] }
    for (const [d, exp] of Object.entries(c.starts)) { s.exp[d] = [...exp]; s.rec[d] = [...exp] }
    return s
  }
  const norm = (s) => { for (const d of U) for (const x of [s.ref, s.exp, s.rec]) x[d] = [...new Set(x[d])].sort(); s.bytes.sort(); s.g.sort(); return s }
  const without = (xs, ys) => xs.filter((x) => !ys.includes(x))
  const hidden = (s, q, d) => c.hides.some((h) => (h === 'td' ? s.td[d] : h === 'acct' ? s.acct[d] === 2 : s.td[d] && q === 'p'))
  const named = (s, q, d) => (c.sees === 'whose' ? U.some((e) => s.ref[e].some((r) => place(r) === q)) : s.ref[d].some((r) => c.sees === 'any' || place(r) === q || (c.sees === 'or public' && place(r) === 'p')))
  // By what the host has committed, and not by what the store says.
  const may = (s, q, d) => s.acct[d] !== 2 && !s.td[d] && s.rec[d].some((r) => place(r) === q)
  function next(s0) {
    const out = []
    const go = (label, f) => { const s = clone(s0); if (f(s) === false) return; if (s.rd.pc && !(may(s, s.rd.q, 'A') && s.blob.A)) s.rd.all = 0; out.push([label, norm(s)]) }
    const letGo = (s, d) => { if (s.blob[d] && !s.ref[d].length) s.xp[d] = 1 }
    const keep = (s, d) => { if (!s.exp[d].length) s.xp[d] = 0 }
    c.procs.forEach(([d, ...script], i) => { // ------------------------------------------------------------- hosts
      const p0 = s0.p[i], [op, what = ''] = (script[p0.i] || '').split(':'), n = `${d}${i + 1}`
      if (!op) return
      const set = (s, x) => { s.p[i] = { i: s.p[i].i, pc: 0, v: 0, was: [], ...x } }
      const done = (s) => set(s, { i: s.p[i].i + 1 })
      // Locked where the transaction begins; `locks: false` reads before.
      const tx = (at, label, read, write, locks = true) => {
        if (p0.pc === at && !(c.acctFirst && locks && s0.lock[d])) go(`${n}.${label}: begins, reads`, (s) => { if (c.acctFirst && locks) s.lock[d] = i + 1; s.p[i].v = read(s); s.p[i].pc = at + 0.5 })
        if (p0.pc === at + 0.5 && (locks || !s0.lock[d])) go(`${n}.${label}: writes, commits`, (s) => { if (s.lock[d] === i + 1) s.lock[d] = 0; write(s, p0.v) })
      }
      if (op === 'up') tx(0, 'upload', (s) => ({ no: s.acct[d] === 2 || s.td[d], exp: [...s.exp[d]] }), (s, v) => {
        if (!v.no) {
          if (!s.ct) { s.ct = ++s.seq; s.bytes.push(s.ct) }
          s.blob[d] = s.xp[d] = 1
          s.ref[d].push(...v.exp); s.exp[d] = without(s.exp[d], v.exp)
          if (s.ref[d].length) keep(s, d)
        }
        done(s)
      })
      if (op === 'w' || op === 'imp') { // applyWrites: `+a1,-p1`; 'imp' expects what is not held
        const writes = what.split(','), adds = writes.filter((x) => x[0] === '+').map((x) => x.slice(1)), uris = writes.map((x) => x.slice(1))
        tx(0, `applyWrites ${what}`, (s) => ({ no: s.acct[d] === 2 || (op === 'w' && adds.length > 0 && (!s.blob[d] || s.td[d])), met: s.blob[d], others: without(s.ref[d], uris).length }), (s, v) => {
          if (v.no || (v.met && adds.length && !s.blob[d])) return done(s)      // refused, or a foreign key that is violated: nothing was promised
          const had = s.ref[d].some((r) => uris.includes(r))
          for (const x of [s.ref, s.exp, s.rec]) x[d] = without(x[d], uris)
          s.rec[d].push(...adds)
          if (v.met) { s.ref[d].push(...adds); if (adds.length) keep(s, d) } else s.exp[d].push(...adds)
          if (had && !adds.length && !v.others && s.blob[d]) s.xp[d] = 1
          // Who writes a record again while its space is dropped means to have it.
          for (const p of s.p) p.was = without(p.was, adds)
          done(s)
        })
      }
      if (op === 'drop') { // dropSpace: one reference in a transaction; called again after a crash
        const mine = (xs) => xs.filter((r) => place(r) === what)
        if (p0.pc === 0) go(`${n}.dropSpace ${what} begins`, (s) => set(s, { i: p0.i, pc: 1, was: mine(s.rec[d]) }))
        tx(1, `dropSpace ${what}: tx`, (s) => {
          const ref = mine(s.ref[d]).slice(0, 1), exp = c.dropExp && !ref.length ? mine(s.exp[d]).slice(0, 1) : []
          const others = without(s.ref[d], ref).filter((r) => c.dropLooks === 'any' || place(r) === c.dropLooks)
          return { ref, exp, last: ref.length > 0 && c.dropLooks !== 'none' && !others.length }
        }, (s, { ref, exp, last }) => {
          s.ref[d] = without(s.ref[d], ref); s.exp[d] = without(s.exp[d], exp)
          s.rec[d] = without(s.rec[d], [...ref, ...exp])
          if (last && s.blob[d]) s.xp[d] = 1
          if (ref.length || exp.length) return set(s, { i: p0.i, pc: 1, was: p0.was })
          // What was there when it began and was not written again is forgotten: that is promised, and the ghost knows it.
          s.rec[d] = without(s.rec[d], s.p[i].was)
          done(s)
        }, c.dropLock)
        if (p0.pc >= 1 && s0.f < c.faults) go(`!! ${n} crashes in dropSpace`, (s) => { s.f++; if (s.lock[d] === i + 1) s.lock[d] = 0; set(s, { i: p0.i, pc: 0 }) })
      }
      if (op === 'td' || op === 'untd') tx(0, op === 'td' ? 'takedown' : 'reverseTakedown', () => 0, (s) => { s.td[d] = op === 'td' ? 1 : 0; done(s) })
      if (op === 'del') c.delSteps.forEach((step, at) => tx(at, `deleteAccount: ${step}`, () => 0, (s) => {
        if (step === 'mark') { s.acct[d] = 2; s.rec[d] = [] }
        if (step === 'exp') s.exp[d] = []
        if (step === 'ref') { s.ref[d] = []; letGo(s, d) }
        if (step === 'blob' && !s.ref[d].length) { s.blob[d] = s.xp[d] = 0; if (!U.some((e) => s.blob[e])) s.ct = 0 }
        if (at + 1 < c.delSteps.length) set(s, { i: p0.i, pc: at + 1 }); else done(s)
      }))
    })
    // ------------------------------------------------------------------------------------------------------- collectors
    s0.g.forEach((g, x) => U.forEach((d) => {
      const refs = (s) => s.ref[d].filter((r) => c.collects === 'all' || place(r) === c.collects)
      if (!g && s0.blob[d] && s0.xp[d] && !refs(s0).length && !s0.exp[d].length) go(`G${x}: finds the blob of ${d} expired, and nothing that references it`, (s) => { s.g[x] = d })
      if (!g && s0.blob[d] && s0.xp[d] && s0.ref[d].length && !s0.exp[d].length) go(`G${x}: finds the blob of ${d} referenced, clears the expiry`, (s) => { s.xp[d] = 0 })
      if (g === d) go(`G${x}: deletes the blob of ${d}`, (s) => { s.g[x] = 0; if (!s.blob[d] || (c.fk && s.ref[d].length) || s.exp[d].length) return; s.blob[d] = s.xp[d] = 0; if (!U.some((e) => s.blob[e])) s.ct = 0 })
    }))
    // ------------------------------------------------------------------------------------------------------- bytes
    if (s0.ct && s0.sw < c.swaps) go(`the bytes are replaced: k${s0.seq + 1} for k${s0.ct}`, (s) => { s.sw++; s.ct = ++s.seq; s.bytes.push(s.ct) })
    for (const k of s0.bytes) if (k !== s0.ct) go(`k${k} is deleted`, (s) => { s.bytes = without(s.bytes, [k]) })
    // ------------------------------------------------------------------------------------------------------- a reader of A's blob
    const { rd } = s0, end = (s, saw) => { s.rd = { n: s.rd.n + 1, pc: 0, q: '', key: 0, refs: 0, saw, all: 0 } }
    const found = (s, q) => s.blob.A && s.ct && !hidden(s, q, 'A')
    const looked = (s, q, sees) => { const ok = sees && found(s, q); s.rd = { ...s.rd, pc: ok ? 3 : 4, q, key: ok ? s.ct : 0, refs: 0, saw: ok && !may(s, q, 'A') ? `by ${q}` : '' } }
    if (rd.pc === 0 && rd.n < c.reads) for (const q of c.reader) go(`R: a reader asks by ${q}${c.oneQuery ? ': one query' : ': looks for references'}`, (s) => { s.rd.pc = 1; s.rd.q = q; s.rd.all = may(s, q, 'A') && s.blob.A ? 1 : 0; if (c.oneQuery) looked(s, q, named(s, q, 'A')); else { s.rd.pc = 2; s.rd.refs = named(s, q, 'A') ? 1 : 0 } })
    if (rd.pc === 2) go('R: looks for the key', (s) => looked(s, s.rd.q, s.rd.refs))
    if (rd.pc === 3 && s0.bytes.includes(rd.key)) go(`R: opens k${rd.key}, is shown it`, (s) => end(s, s.rd.saw))
    if (rd.pc === 3 && !s0.bytes.includes(rd.key)) go(`R: k${rd.key} is gone, looks again`, (s) => { if (s.late++ > 2) return false; if (c.again === 'key') { s.rd.key = s.ct; if (!may(s, s.rd.q, 'A')) s.rd.saw = `by ${s.rd.q}`; if (!s.ct) s.rd.pc = 4 } else looked(s, s.rd.q, named(s, s.rd.q, 'A')) })
    if (rd.pc === 4) go('R: is shown nothing', (s) => end(s, s.rd.all ? 'nothing' : ''))
    return out
  }
  const IB = (s) => (s.rd.pc === 0 && s.rd.saw.startsWith('by') ? `a reader was shown it ${s.rd.saw}, of which no record names it at the moment of the look-up, or which is hidden` : true)
  const I5 = (s) => (s.rd.saw === 'nothing' ? 'a reader was shown nothing, and all the while a record of what he asked by named the blob' : true)
  const I1 = (s) => { for (const d of U) if (s.ref[d].length && !s.blob[d]) return `${s.ref[d]} of ${d} reference a blob that is gone`; for (const d of U) if (s.blob[d] && !(s.ct && s.bytes.includes(s.ct))) return `the bytes of ${d} are gone`; return true }
  const I7 = (s) => { for (const d of U) if (s.exp[d].length && s.blob[d] && s.acct[d] === 1) return `${s.exp[d]} of ${d} wait for a blob that is held`; return true }
  const I2 = (s) => {
    if (s.rd.pc || s.g.some(Boolean) || s.p.some((p, i) => c.procs[i][p.i + 1])) return true
    for (const d of U) if (s.blob[d] && !s.ref[d].length && !s.exp[d].length && !s.xp[d]) return `nothing references the blob of ${d}, and it never expires`
    for (const d of U) { const kept = [...s.ref[d], ...s.exp[d]].sort(); if (s.acct[d] === 1 && kept.join() !== s.rec[d].join()) return `${d} has ${kept || 'nothing'} where the host has ${s.rec[d] || 'nothing'}` }
    return 'Q'
  }
  return { name: c.name, init, next, invariants: [['I1 referenced => bytes', I1], ['I2 nothing left', I2], ['I5 referenced => shown', I5], ['I7 held => referenced', I7], ['IB shown by what was asked alone', IB]] }
}
