// RESUMABLE: an upload in several requests. Two parts; requests that continue it, and one or two that finish it.
//
//  SQL    r  the row: 0 open | 1 busy | 2 finished | 3 ended | 9 forgotten         got   how many parts were added
//         part[n] = key of the part     up[k] = 'p' a part's row in `upload` | 'w' the row of the upload that stores the blob
//         ct = key of the blob's bytes, doom[k]
//  BYTES  bytes[k] = what was written: 'p1', 'p2' a part | 'b' all of it     NET  PUTs that may take effect at any later moment
//  TIME   a lease, or the whole upload's time, may end at any moment
import { clone } from './engine.mjs'

/** Clients, a collector, crashes. Switches remove a rule. */
export function resumableModel(o = {}) {
  const c = { name: 'U', clients: 2, faults: 1, maxKey: 4,
    ownRow: true,       // a part is added only if its row in `upload` is still there
    inOrder: true,      // and only if it continues what has arrived
    claims: true,       // who finishes marks the upload first
    endsFirst: true,    // the collector marks an expired upload as ended before it dooms a part
    dropsPuts: true,    // a part that was not added is doomed
    verifies: true,     // a part that is gone fails the upload
    ...o }
  const init = () => ({ r: 0, got: 0, seq: 0, part: {}, up: {}, ct: 0, doom: {}, bytes: {}, net: [], p: Array.from({ length: c.clients }, () => ({ pc: 0, k: 0, n: 0, seen: [] })), g: 0, f: 0, ack: 0, bad: '' })
  const sorted = (x) => Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1)))
  const doomKey = (s, k) => { delete s.up[k]; s.doom[k] = 1 }
  function next(s0) {
    const out = []
    const go = (label, f) => { const s = clone(s0); if (f(s) === false) return; s.net.sort(); for (const t of ['up', 'doom', 'bytes', 'part']) s[t] = sorted(s[t]); out.push([label, s]) }
    for (const op of new Set(s0.net)) { const [k, what] = op.split(':'); go(`net: PUT(k${k}) takes effect`, (s) => { s.net.splice(s.net.indexOf(op), 1); s.bytes[k] = what }) }
    s0.p.forEach((p, i) => {
      const n = `C${i + 1}`, to = (s, x) => { s.p[i] = { ...s.p[i], ...x } }, idle = (s) => to(s, { pc: 0, k: 0, n: 0, seen: [] }), arrived = p.k && !s0.net.some((x) => x.startsWith(`${p.k}:`))
      if (p.pc === 0 && s0.r === 0 && s0.got < 2 && s0.seq < c.maxKey) go(`${n}: tx INSERT upload k${s0.seq + 1} for part ${s0.got + 1}, issues PUT`, (s) => { const k = ++s.seq; s.up[k] = 'p'; s.net.push(`${k}:p${s.got + 1}`); to(s, { pc: 1, k, n: s.got + 1 }) })
      if (p.pc === 1 && arrived) go(`${n}: tx adds part ${p.n} (k${p.k})`, (s) => {
        const fits = (!c.inOrder || s.got + 1 === p.n) && (s.r === 0) && (!c.ownRow || s.up[p.k])
        if (fits) { if (!c.inOrder && s.part[p.n]) s.bad = `part ${p.n} was added twice`; s.part[p.n] = p.k; s.got = Math.max(s.got, p.n); s.ack = s.got }
        else if (c.dropsPuts && s.up[p.k]) doomKey(s, p.k)
        else delete s.up[p.k]
        idle(s) })
      if (p.pc === 0 && s0.got === 2 && (s0.r === 0 || (!c.claims && s0.r === 1)) && s0.seq < c.maxKey) go(`${n}: tx claims the upload, the reservation is k${s0.seq + 1}`, (s) => { const k = ++s.seq; s.r = c.claims ? 1 : 0; s.up[k] = 'w'; to(s, { pc: 2, k, seen: Object.values(s.part) }) })
      if (p.pc === 2) go(`${n}: reads the parts, tx the row gets its key, issues PUT(k${p.k})`, (s) => {
        const gone = p.seen.some((k) => !s.bytes[k])
        if (!s.up[p.k]) { if (s.r === 1) s.r = 0; return idle(s) }   // the row gets the key, if it is still there
        if (gone && c.verifies) { if (s.up[p.k]) doomKey(s, p.k); if (s.r === 1) s.r = 0; return idle(s) }
        s.net.push(`${p.k}:${gone ? 'x' : 'b'}`); to(s, { pc: 3 }) })
      if (p.pc === 3 && arrived) go(`${n}: tx commits the blob (k${p.k})`, (s) => {
        if (!s.up[p.k]) { if (s.r === 1) s.r = 0; return idle(s) }
        delete s.up[p.k]; if (s.ct) s.doom[s.ct] = 1; s.ct = p.k; to(s, { pc: 4 }) })
      if (p.pc === 4) go(`${n}: tx finished, the parts are doomed`, (s) => { if (s.r !== 3 && s.r !== 9) { s.r = 2; for (const k of Object.values(s.part)) if (s.up[k]) doomKey(s, k); s.part = {} } idle(s) })
      if (p.pc === 0 && s0.r === 0) go(`${n}: tx aborts`, (s) => { s.r = 3 })
      if (p.pc > 0 && s0.f < c.faults) go(`!! ${n} crashes`, (s) => { s.f++; idle(s) })
    })
    // The collector. A lease ends at any moment; that of a claim lets the upload be finished again.
    const expires = (s) => s.r === 0 || s.r === 2 || s.r === 3
    if (expires(s0) && c.endsFirst) go('collector: its time is over: tx ended, parts doomed, forgotten', (s) => { for (const k of Object.values(s.part)) if (s.up[k]) doomKey(s, k); s.part = {}; s.r = 9 })
    if (!c.endsFirst && expires(s0)) for (const [at, k] of Object.entries(s0.part)) go(`collector: its time is over: tx dooms part ${at}`, (s) => { if (s.up[k]) doomKey(s, k); delete s.part[at] })
    if (s0.r === 1 && !s0.p.some((p) => p.pc >= 2)) go('the lease of the claim is over', (s) => { s.r = 0 })
    for (const k of Object.keys(s0.up)) if (s0.up[k] === 'w' || !Object.values(s0.part).includes(+k)) go(`collector: lease of k${k} is over, tombstone`, (s) => doomKey(s, k))
    for (const k of Object.keys(s0.doom)) if (!s0.g && !s0.net.some((x) => x.startsWith(`${k}:`))) go(`collector: DEL(k${k})`, (s) => { delete s.bytes[k]; s.g = +k })
    if (s0.g) go(`collector: tx drop tombstone k${s0.g}`, (s) => { delete s.doom[s.g]; s.g = 0 })
    return out
  }
  const known = (s, k) => k in s.up || k in s.doom || s.ct == k
  const I1 = (s) => (s.ct && s.bytes[s.ct] !== 'b' ? 'a blob was stored that has not all bytes' : true)
  const IU = (s) => { if (s.bad) return s.bad; if (s.r === 0 || s.r === 1) for (let at = 1; at <= s.ack; at++) if (!s.part[at] || !s.bytes[s.part[at]]) return `part ${at} was acknowledged, the upload is not over, and its bytes are gone`; return true }
  const I2 = (s) => { for (const k of Object.keys(s.bytes)) if (!known(s, k)) return `k${k} has bytes, and no row names it`
    return s.r === 9 && !s.net.length && !s.g && !Object.keys(s.up).length && !Object.keys(s.doom).length && s.p.every(({ pc }) => pc === 0) ? 'Q' : true }
  return { name: c.name, init, next, invariants: [['I1 a blob has all bytes', I1], ['I2 no garbage left', I2], ['IU acknowledged parts stay', IU]] }
}
