// ENTRIES: how a small upload, whose bytes are in memory, becomes a blob. Each process has one row in `process`, its entry, in place of
// an `upload` row for each such upload. Their keys carry the entry's number; a key of an open entry is known, whatever was stored
// under it. A commit proves that its entry is open. Spooled bodies and copies keep their `upload` row.
//
//  SQL    ent[n] 1 an open entry           up[k] a row in `upload`       ct[x] = key of the bytes of CID x       doom[k]
//         blob[d] = CIDs, ref[d] = CIDs    acct[d] 1 | 2 deleted         td[x] 1 purged
//  BYTES  bytes[k]     own[k] = the entry in the key's name              NET  PUT, DEL, and a COMmit whose answer is lost, take effect at any later moment
//  LOCKS  lk = [processes that commit, and hold their entry's row]       acct's lock: al[d]
//  TIME   an entry or a lease may end, and a process may crash, at any moment
//  TX     split: READ COMMITTED, a commit reads, and later writes: what it has read may be stale, unless it is locked
import { clone } from './engine.mjs'

/** Two accounts, up to three processes, a collector, a sweep. Switches remove a rule. */
export function entriesModel(o = {}) {
  const c = { name: 'T', procs: [['A', 'up:x', 'add:x', 'rm:x'], ['B', 'up:x', 'add:x']], start: false, maxKey: 3, maxEnt: 4, faults: 1, split: false, quota: 9,
    proves: true,        // the commit demands that its entry is open
    locks: true,         // and holds its row from the look to the commit: it is not closed meanwhile
    newNumber: true,     // a process whose entry was closed goes on with another number
    knows: true,         // keys of open entries are not the sweep's
    listFirst: true,     // the sweep lists, then looks up
    oneLook: true,       // all tables, and the entries, in one statement
    fenced: true,        // no process of an older version, which knows no entries, sweeps any more
    charges: 'commit',   // the quota is checked where the account's row is locked; or 'before' the bytes alone
    waits: true,         // a purge waits for commits that have not seen it
    looks: true,         // a commit looks for the account's deletion and for purges
    gives: true,         // who gives a PUT up dooms its key
    unsure: false,       // the answer of a commit may be lost, and its statement run at any later moment
    leaves: true,        // then the process first leaves its entry, so that nothing commits under it any more
    sees: true,          // and looks whether it was committed, before it dooms the key
    repeats: false,      // a driver may run that statement twice
    once: true,          // a commit whose key is live already changes nothing
    ...o }
  const P = c.procs.map(([d, ...script]) => ({ d, script }))
  const sorted = (m) => Object.fromEntries(Object.entries(m).sort(([a], [b]) => (a < b ? -1 : 1)))
  const init = () => {
    const s = { seq: 0, ns: P.length, ent: Object.fromEntries(P.map((_, i) => [i + 1, 1])), up: {}, ct: {}, blob: { A: [], B: [] }, ref: { A: [], B: [] }, acct: { A: 1, B: 1 }, td: {}, doom: {},
      own: {}, bytes: {}, net: [], al: { A: 0, B: 0 }, p: P.map((_, i) => ({ i: 0, pc: 0, k: 0, s: i + 1, v: 0 })), sw: 0, f: 0, over: 0, gone: 0 }
    if (c.start) { s.seq = 1; s.own[1] = 0; s.bytes[1] = 1; s.ct.x = 1; s.blob.A = ['x']; s.ref.A = ['x'] }
    return s }
  const norm = (s) => { s.net.sort(); for (const t of ['ent', 'up', 'ct', 'doom', 'bytes', 'own']) s[t] = sorted(s[t]); for (const d of ['A', 'B']) { s.blob[d].sort(); s.ref[d].sort() } return s }
  const holders = (s, x) => ['A', 'B'].filter((d) => s.blob[d].includes(x))
  const drop = (s, d, x) => { s.blob[d] = s.blob[d].filter((y) => y !== x); if (s.ct[x] && !holders(s, x).length) { s.doom[s.ct[x]] = 1; delete s.ct[x] } }
  const live = (s, k) => Object.values(s.ct).includes(+k)
  const isKnown = (s, k) => k in s.up || live(s, k) || k in s.doom
  const isOpen = (s, k) => c.knows && !!s.ent[s.own[k]]
  function next(s0) {
    const out = []
    const go = (label, f) => { const s = clone(s0); if (f(s) !== false) out.push([label, norm(s)]) }
    for (const op of new Set(s0.net)) { const [kind, k, n, d, x] = op.split(':')
      if (kind === 'COM') { if (!s0.al[d]) go(`net: the commit of k${k} runs late`, (s) => {
        s.net.splice(s.net.indexOf(op), 1)
        if (c.once && s.ct[x] === +k) return
        if ((c.proves && !s.ent[n]) || (c.looks && (s.acct[d] === 2 || s.td[x]))) return
        if (s.ct[x]) s.doom[s.ct[x]] = 1
        s.ct[x] = +k; if (!s.blob[d].includes(x)) s.blob[d].push(x) })
        continue }
      go(`net: ${kind}(k${k}) takes effect`, (s) => { s.net.splice(s.net.indexOf(op), 1); if (kind === 'PUT') s.bytes[k] = 1; else delete s.bytes[k] }) }
    P.forEach(({ d, script }, i) => {
      const p = s0.p[i], [op, x] = (script[p.i] ?? '').split(':'), n = `${d}${i + 1}`
      if (!op) return
      const set = (s, more) => { s.p[i] = { ...s.p[i], ...more } }
      const done = (s) => set(s, { i: s.p[i].i + 1, pc: 0, k: 0, v: 0 })
      const locked = s0.al[d] && s0.al[d] !== i + 1
      if (s0.f < c.faults) go(`!! ${n} crashes`, (s) => { s.f++; if (s.al[d] === i + 1) s.al[d] = 0; set(s, { i: 99, pc: 0, k: 0, v: 0 }) })
      if (op === 'up' || op === 'spool' || op === 'copy') {
        const row = op !== 'up', arrived = p.k && !s0.net.includes(`PUT:${p.k}`)
        if (p.pc === 0 && (op !== 'copy' || s0.ct[x]) && s0.seq < c.maxKey && !(c.looks && op === 'up' && (s0.td[x] || s0.acct[d] === 2))) {
          if (c.charges === 'before' && s0.blob[d].length >= c.quota) go(`${n}: has reached its quota`, done)
          else go(`${n}.${op} ${x}: ${row ? 'tx INSERT upload, ' : ''}issues PUT(k${s0.seq + 1})${row ? '' : ` of entry ${p.s}`}`, (s) => { const k = ++s.seq; s.own[k] = row ? 0 : p.s; if (row) s.up[k] = 1; s.net.push(`PUT:${k}`); set(s, { k, pc: 1, v: op === 'copy' ? s.ct[x] : 0 }) })
        } else if (p.pc === 0) go(`${n}.${op} ${x}: refused`, done)
        if (p.pc === 1 && !arrived) go(`${n}: gives k${p.k} up${c.gives ? ', dooms it' : ''}`, (s) => { delete s.up[p.k]; if (c.gives) s.doom[p.k] = 1; done(s) })
        if (op === 'copy' && p.pc === 1 && arrived) go(`${n}.copy: tx switches ${x} to k${p.k}`, (s) => {
          if (!(p.k in s.up)) return done(s)
          delete s.up[p.k]; if (s.ct[x] !== p.v) s.doom[p.k] = 1; else { s.doom[p.v] = 1; s.ct[x] = p.k } done(s) })
        const read = (s) => ({ open: row ? p.k in s.up : !!s.ent[p.s], ct: s.ct[x] ?? 0, gone: c.looks && (s.acct[d] === 2 || !!s.td[x]), full: c.charges === 'commit' && !s.blob[d].includes(x) && s.blob[d].length >= c.quota })
        const write = (s, v) => {
          s.al[d] = 0
          if (row && !(p.k in s.up)) return done(s)                     // its lease was over: nothing was promised
          if (!row && c.proves && !v.open) {                            // closed under it: the same bytes again, under another entry
            if (s.ns >= c.maxEnt) return done(s)
            const number = c.newNumber ? ++s.ns : p.s
            if (c.gives && c.newNumber) s.doom[p.k] = 1
            s.ent[number] = 1; return set(s, { s: number, pc: c.newNumber ? 0 : 1, k: c.newNumber ? 0 : p.k, v: 0 }) }
          if (v.ct !== (s.ct[x] ?? 0)) return set(s, { pc: 1, v: 0 })   // a lost race: once more
          delete s.up[p.k]
          if (v.gone || v.full) { s.doom[p.k] = 1; return done(s) }
          if (v.fresh) s.doom[p.k] = 1; else { if (s.ct[x]) s.doom[s.ct[x]] = 1; s.ct[x] = p.k }
          if (!s.blob[d].includes(x)) s.blob[d].push(x)
          if (s.td[x]) s.gone = 1
          if (s.blob[d].length > c.quota) s.over = 1
          done(s) }
        if (op !== 'copy' && p.pc === 1 && arrived && !locked) for (const fresh of s0.ct[x] ? [0, 1] : [0]) {
          if (!c.split) go(`${n}: tx commit k${p.k}${fresh ? ', content is fresh' : ''}`, (s) => write(s, { ...read(s), fresh }))
          else go(`${n}: tx begins, looks${fresh ? ', content is fresh' : ''}`, (s) => { s.al[d] = i + 1; set(s, { pc: 2, v: { ...read(s), fresh } }) }) }
        if (c.unsure && op === 'up' && p.pc === 1 && arrived && s0.f < c.faults) go(`!! ${n}: commits k${p.k}, and hears nothing`, (s) => { s.f++; for (let n = c.repeats ? 2 : 1; n > 0; n--) s.net.push(`COM:${p.k}:${p.s}:${d}:${x}`)
          set(s, { pc: 5 }) })
        if (p.pc === 5 && s0.ns < c.maxEnt) go(`${n}: ${c.leaves ? 'leaves its entry, ' : ''}has another`, (s) => { if (c.leaves) delete s.ent[p.s]; s.ent[++s.ns] = 1; set(s, { pc: 6, s: s.ns }) })
        if (p.pc === 6 && !locked) go(`${n}: tx gives k${p.k} up, if it is not committed`, (s) => { if (!c.sees || !live(s, p.k)) s.doom[p.k] = 1; done(s) })
        if (p.pc === 2) go(`${n}: writes k${p.k}, commits`, (s) => write(s, p.v))
      }
      if (locked) return
      if (op === 'add') go(`${n}.record+${x}`, (s) => { if (s.blob[d].includes(x) && s.acct[d] === 1) s.ref[d].push(x); done(s) })
      if (op === 'rm') go(`${n}.record-${x}`, (s) => { s.ref[d] = s.ref[d].filter((y) => y !== x); done(s) })
      if (op === 'del') { // the mark; then what it has
        if (p.pc === 0) go(`${n}.delete account: marks it`, (s) => { s.acct[d] = 2; s.ref[d] = []; set(s, { pc: 1 }) })
        else go(`${n}.delete account: tx blobs`, (s) => { for (const y of [...s.blob[d]]) drop(s, d, y); done(s) }) }
      if (op === 'purge') { // for all accounts
        const commits = s0.p.some((other, j) => j !== i && other.pc === 2)
        if (p.pc === 0) go(`${n}.purge ${x}: tx the takedown`, (s) => { s.td[x] = 1; set(s, { pc: 1 }) })
        if (p.pc === 1 && !(c.waits && commits)) go(`${n}.purge ${x}: ${c.waits ? 'locks the entries, ' : ''}goes on`, (s) => { set(s, { pc: 2 }) })
        if (p.pc === 2 && holders(s0, x).every((e) => !s0.al[e])) go(`${n}.purge ${x}: tx rows, tombstone`, (s) => { for (const e of holders(s, x)) { s.ref[e] = s.ref[e].filter((y) => y !== x); drop(s, e, x) } done(s) }) }
    })
    // An entry is closed by its owner, by whoever finds its lease over, or by a power cut that loses its row.
    for (const n of Object.keys(s0.ent)) if (!(c.locks && s0.p.some((p) => p.pc === 2 && p.s === +n && p.v.open && !(p.k in s0.up)))) go(`entry ${n} is closed`, (s) => { delete s.ent[n] })
    // The collector.
    for (const k of Object.keys(s0.up)) if (!s0.p.some((p) => p.pc === 2 && p.k === +k)) go(`collector: the lease of k${k} is over, tombstone`, (s) => { delete s.up[k]; s.doom[k] = 1 })
    for (const d of ['A', 'B']) for (const x of s0.blob[d]) if (!s0.ref[d].includes(x) && !s0.al[d]) go(`collector: ${x} of ${d} has expired`, (s) => drop(s, d, x))
    for (const k of Object.keys(s0.doom)) {
      if (!s0.bytes[k] && !s0.net.some((op) => op === `PUT:${k}` || op === `DEL:${k}`)) go(`collector: drops the tombstone of k${k}`, (s) => { delete s.doom[k] })
      else if (!s0.net.includes(`DEL:${k}`)) go(`collector: issues DEL(k${k})`, (s) => { s.net.push(`DEL:${k}`) }) }
    // The sweep: lists, looks up, dooms.
    const unknown = (s, keys) => keys.filter((k) => !isKnown(s, k) && !isOpen(s, k))
    const listed = Object.keys(s0.bytes)
    if (s0.sw === 0) { if (!c.listFirst) go('sweep: looks up before it lists', (s) => { s.sw = { saw: { up: s.up, ct: s.ct, doom: s.doom, ent: s.ent, own: s.own } } }); else if (unknown(s0, listed).length || listed.some((k) => !isKnown(s0, k))) go('sweep: lists', (s) => { s.sw = { keys: listed } }) }
    else if (!c.oneLook && !s0.sw.half) go('sweep: looks at the tables', (s) => { s.sw = { keys: s.sw.keys.filter((k) => !isKnown(s, k)), half: 1 } })
    else go('sweep: looks up, dooms', (s) => {
      const found = s.sw.saw ? listed.filter((k) => !isKnown({ ...s, ...s.sw.saw }, k) && !s.sw.saw.ent[s.own[k]]) : s.sw.half ? s.sw.keys.filter((k) => !isOpen(s, k)) : unknown(s, s.sw.keys)
      for (const k of found) s.doom[k] = 1
      s.sw = 0 })
    if (!c.fenced) for (const k of listed) if (!isKnown(s0, k)) go(`sweep of an older version: dooms k${k}`, (s) => { s.doom[k] = 1 })
    return out
  }
  const I1 = (s) => { for (const d of ['A', 'B']) for (const x of s.blob[d]) if (!s.ct[x] || !s.bytes[s.ct[x]]) return `${d} has ${x}, and its bytes are gone`; for (const k of Object.values(s.ct)) if (k in s.doom) return `k${k} is live and doomed`; return true }
  const I2 = (s) => {
    const still = s.p.every((p, i) => p.pc === 0 && p.i >= P[i].script.length) && !s.net.length && !Object.keys(s.ent).length && !Object.keys(s.up).length && !Object.keys(s.doom).length && s.sw === 0
    if (!still) return true
    const left = Object.keys(s.bytes).filter((k) => !live(s, k))
    return left.length && !next(s).some(([label]) => label.startsWith('sweep')) ? `k${left} stays for ever` : 'Q' }
  return { name: c.name, init, next, invariants: [['I1 what an account has, has bytes', I1], ['I2 nothing is left', I2], ['IP purged is never live again', (s) => (s.gone && Object.keys(s.td).some((x) => s.ct[x] && s.p.every((p) => p.pc === 0)) ? 'it is live again' : true)], ['IQ no account is over its quota', (s) => (s.over ? 'it is' : true)]] }
}
