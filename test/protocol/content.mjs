// PROTOCOL R: the specification with `upload` and `content` apart, and what stands on that: healing, expected references,
// account deletion, moving between two backends, a restored database. gen.mjs has power loss, fsync, the row before the bytes,
// records in another database. Names as in PROTOCOL.md; switches remove one rule at a time. One CID (X), accounts A and B.
//
//  SQL    up[k] = backend      `upload`: in flight, own row                       ct = [k, backend] `content`: the live bytes of X
//         blob[d] 0|1, xp[d] 1 = expires_at set, ref[d], exp[d] = record uris of `blob_ref` (FK -> blob), `expected_ref`
//         doom[k] = backend    `doomed`          acct[d] 0 no row | 1 | 2 marked deleted     ep = store_meta.epoch
//         vn 1 = scrub has set verified_at to null    got[d] (ghost) = an upload of d was acknowledged and not rightly collected
//  BYTES  bytes["k@b"] 'g' good | 'r' rotten       NET  PUT and DEL apply at ANY later moment       TIME  none, as in gen.mjs
//  TX     split: false = atomic (SQLite). true = READ COMMITTED in two steps: begin + read | write + constraints + commit; what was
//         read may be stale when written. Rule 6 holds lock[d] between the two. (Rows written are locked until commit by the server.)
const clone = (x) => { if (typeof x !== 'object' || x === null) return x; if (Array.isArray(x)) return x.map(clone); const r = {}; for (const k in x) r[k] = clone(x[k]); return r }
export function contentModel(o = {}) {
  const c = { name: 'R', procs: [['A', 'up', 'add:1', 'rm:1'], ['B', 'up', 'add:1']], gcs: 1, faults: 1, maxGen: 3, split: false, start: null, rollback: false,
    acctFirst: true, acctUpsert: true,            // rule 6; "insert or update" the account's row, for an UPDATE of no row locks nothing
    ownRow: 'delete', cas: true, gcReturning: true,  // commit: own row by DELETE..RETURNING (or only 'select'ed); content replaced only if its key is still the one read; collector dooms the key its DELETE returned
    newWins: true, fresh: 'any', keepXp: false,   // not fresh -> new bytes win; expires_at never cleared
    meet: 'all', waited: 'kept', permanent: 'whole',   // records that wait for a blob reference it in the commit; or 'one' there, and the others one by one. A blob that some still wait for does not expire (or 'collected'), and is temporary until none does (or until 'any' references it)
    metBy: 'bytes',                               // an expected reference is met by the bytes of its CID; by 'claims': only if the record's type and size are theirs (a record `w…` claims others)
    rmSets: false, gcClears: true, atOnce: true, search: true,   // the last reference that goes sets expires_at (or every one, and the collector clears it where others remain); blob row, content nobody else has and its tombstone in one transaction
    gcSplit: !!o.split && o.atOnce !== false, ctLock: true,   // in READ COMMITTED: the blob row goes, the content is locked, then looked who else has it, then content and commit
    sweepLook: 'one', sweepOn: [1, 2], delay: true, reresolve: true, upTo: 1,
    delSteps: ['mark', 'exp', 'ref', 'blob'], rots: 0, scrub: false, scrubNull: true, strict: false, verifyCopy: true, newKey: true,
    restore: false, marker: 'none', opens: 0, renews: 0, bump: false, refuse: 'both', afterOpen: false, i6: true, i7: true,
    recover: 'host', doomed: 'copied', recovers: 1, ...o }   // who gets bytes back: whom the host names, who had uploaded them (or whose record names them: 'expected'); bytes that are still there under a new key (or 'revived' under their own; or doomed ones 'left')
  const U = ['A', 'B'], P = c.procs.map((p, i) => ({ d: p[0], script: p.slice(1), n: `${p[0]}${c.procs.filter((x) => x[0] === p[0]).length > 1 ? i + 1 : ''}` }))
  const init = () => {
    const sql = { seq: 0, up: {}, ct: 0, blob: { A: 0, B: 0 }, xp: { A: 0, B: 0 }, ref: { A: [], B: [] }, exp: { A: [], B: [] }, doom: {}, acct: { A: 0, B: 0 }, ep: 1, vn: 0, got: { A: 0, B: 0 }, fl: 0 }
    const s = { sql, lock: { A: 0, B: 0 }, ctl: 0, bytes: {}, net: [], p: P.map(() => ({ i: 0, pc: 0, k: 0, v: 0, h: 0 })), g: Array(c.gcs).fill(0), f: 0,
      rot: 0, h: 0, rd: 0, was: [], del: { A: 0, B: 0 }, mark: 1, hold: 0, bak: 0, b: 0, late: [], o: 0, n: 0, had: { A: 0, B: 0 }, rc: 0, rl: 0 }
    if (c.start) { // content k1 live in backend 1; start = { A: [uris], B: [uris] }
      sql.seq = 1; sql.ct = [1, 1]; s.bytes['1@1'] = 'g'; s.was = [1]
      for (const d of Object.keys(c.start)) { sql.blob[d] = sql.acct[d] = sql.got[d] = s.had[d] = 1; sql.ref[d] = c.start[d]; sql.xp[d] = c.start[d].length && !c.keepXp ? 0 : 1 }
    }
    return s
  }
  const sorted = (x) => Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1)))
  const norm = (s) => { s.net.sort(); s.g.sort(); s.was.sort(); s.bytes = sorted(s.bytes); for (const d of U) { s.sql.ref[d].sort(); s.sql.exp[d].sort() } return s }
  const known = (q, k) => k in q.up || k in q.doom || (q.ct && q.ct[0] == k)
  const unlock = (s, d, looked) => { if (c.acctFirst) s.lock[d] = 0; if (looked && c.ctLock) s.ctl = 0 }
  const others = (q, d) => U.some((e) => e !== d && q.blob[e])
  const meets = (r) => c.metBy === 'bytes' || !r.startsWith('w')
  const keep = (q, d) => { if (!c.keepXp && !(c.permanent === 'whole' && q.exp[d].filter(meets).length)) q.xp[d] = 0 }
  const refer = (q, d, some) => { q.ref[d] = [...new Set([...q.ref[d], ...some])]; q.exp[d] = q.exp[d].filter((x) => !some.includes(x)); keep(q, d) }
  const few = (rs) => (c.meet === 'one' ? rs.slice(0, 1) : rs)
  const setCt = (s, k, b) => { s.sql.ct = [k, b]; s.sql.vn = 0; if (!s.was.includes(k)) s.was.push(k) }
  function next(s0) {
    const out = [], q0 = s0.sql
    const go = (label, f) => { const s = clone(s0); if (f(s, s.sql) !== false) out.push([label, norm(s)]) }
    for (const op of new Set(s0.net)) { const [kind, k, b, q] = op.split(':') // ------------------------------ network
      go(`net: ${kind}(k${k} in backend ${b}) takes effect`, (s) => { s.net.splice(s.net.indexOf(op), 1); if (kind === 'PUT') s.bytes[`${k}@${b}`] = q; else delete s.bytes[`${k}@${b}`] }) }
    P.forEach(({ d, script, n }, i) => { // -------------------------------------------------------------------- hosts, uploads, readers, the mover
      const p0 = s0.p[i], [op, r] = (script[p0.i] || '').split(':')
      if (!op) return
      const set = (s, x) => { s.p[i] = { ...s.p[i], k: 0, v: 0, h: 0, pc: 0, ...x } }
      const done = (s) => set(s, { i: s.p[i].i + 1 }), retry = (s) => set(s, {})
      const rule6 = c.acctFirst && d !== 'M', waits = s0.ctl && q0.ct, inNet = (k) => s0.net.some((x) => x.startsWith(`PUT:${k}:`))
      const tx = (at, label, R, W) => {
        if (p0.pc === at) {
          if ((rule6 && s0.lock[d]) || (!c.split && op === 'up' && waits)) return
          for (const v of R(q0)) if (!c.split) go(`${n}.${label}${v.t || ''}`, (s, q) => W(s, q, v)); else go(`${n}.${label}: begins, reads${v.t || ''}`, (s, q) => {
            if (rule6 && (q.acct[d] || c.acctUpsert)) { s.lock[d] = 1; s.p[i].h = 1; q.acct[d] ||= 1 }
            s.p[i].v = v; s.p[i].pc = at + 0.5 })
        } else if (p0.pc === at + 0.5 && !(op === 'up' && waits)) go(`${n}.${label}: writes, commits`, (s, q) => { if (p0.h) s.lock[d] = 0; s.p[i].h = 0; s.p[i].v = 0; W(s, q, p0.v) })
      }
      const redo = (s, at) => { s.p[i].pc = at }       // a lost race: the same step again in a new transaction
      if (op === 'up') {
        if (p0.pc === 0 && q0.acct[d] === 2) return void go(`${n}.upload: refused, account deleted`, done)
        if (p0.pc === 0 && q0.seq < c.maxGen && !(rule6 && s0.lock[d])) for (const b of [c.upTo].flat()) go(`${n}.upload: tx INSERT upload k${q0.seq + 1}, issue PUT to backend ${b}`, (s, q) => { const k = ++q.seq; q.up[k] = b; q.acct[d] ||= 1; s.net.push(`PUT:${k}:${b}:g`); set(s, { pc: 1, k }) })
        const k = p0.k
        if (p0.pc >= 2) tx(2, `upload: tx, one more record references it`, (q) => [{ some: q.blob[d] && q.acct[d] !== 2 ? few(q.exp[d].filter(meets)) : [] }], (s, q, v) => { if (q.blob[d]) refer(q, d, v.some); if (q.exp[d].filter(meets).length && q.blob[d] && q.acct[d] !== 2) set(s, { pc: 2, k }); else done(s) })
        if (p0.pc >= 1 && !inNet(k)) tx(1, `upload k${k}: tx commit`, (q) => {
          const base = { own: q.up[k] || 0, ct: q.ct ? q.ct[0] : 0, exp: q.exp[d].filter(meets), gone: q.acct[d] === 2 }
          if (!base.ct) return [{ ...base, fresh: 0, t: ' (no content yet)' }]
          const fr = c.fresh === 'never' || q.vn ? [0] : c.fresh === 'always' ? [1] : [0, 1]
          return fr.map((fresh) => ({ ...base, fresh, t: ` (content k${base.ct} ${fresh ? 'fresh' : 'not fresh'})` }))
        }, (s, q, v) => {
          if (v.gone) return done(s)
          if (c.ownRow === 'delete' ? !(k in q.up) : !v.own) return retry(s)          // lease taken away: nothing was promised
          const b = v.own || q.up[k], mustBeGood = c.strict === 'any' || !v.fresh || (c.strict === 'scrub' && s.rot === 9)
          if (v.ct && (v.fresh || !c.newWins)) { if (!q.ct) return redo(s, 1); q.doom[k] = b }   // FK blob -> content failed: lost race
          else if (v.ct) {
            if (!q.ct || (c.cas && q.ct[0] !== v.ct)) return redo(s, 1)                // UPDATE content .. WHERE cid AND key = the one read
            if (v.ct in q.doom) return redo(s, 1)                                     // primary key of doomed
            q.doom[v.ct] = q.ct[1]; setCt(s, k, b)
          } else { if (q.ct) return redo(s, 1); setCt(s, k, b) }                       // primary key of content
          delete q.up[k]; q.blob[d] = 1; q.xp[d] = 1; q.got[d] = 1; s.had[d] = 1
          if (v.exp.length) refer(q, d, few(v.exp))
          if (mustBeGood) s.h = 1
          if (c.meet === 'one' && v.exp.length > 1) set(s, { pc: 2, k }); else done(s)
        })
      }
      if (op === 'add') {
        tx(0, `record+${r}`, (q) => [{ gone: q.acct[d] === 2 }], (s, q, v) => { if (q.blob[d] && !v.gone) refer(q, d, [r]); done(s) })   // FK: no blob row -> BlobNotFound
        if (c.rollback && p0.pc === 0) go(`${n}.record+${r}: host rolls back`, done)
      }
      if (op === 'rm') tx(0, `record-${r}`, (q) => [{ last: q.ref[d].every((x) => x === r), t: c.keepXp ? '' : q.ref[d].every((x) => x === r) ? ' (the last)' : ' (others remain)' }],
        (s, q, v) => { q.ref[d] = q.ref[d].filter((x) => x !== r); q.exp[d] = q.exp[d].filter((x) => x !== r); if (v.last || c.rmSets) q.xp[d] = 1; done(s) })
      if (op === 'imp') tx(0, `import ${r}`, (q) => [{ held: q.blob[d], gone: q.acct[d] === 2, t: q.blob[d] ? ' (blob held)' : ' (blob not held)' }], (s, q, v) => {
        if (v.gone) return done(s)
        if (v.held && meets(r)) { if (!q.blob[d]) return redo(s, 0); refer(q, d, [r]) } else q.exp[d].push(r)
        done(s) })
      if (op === 'read') {
        const resolve = (q, again) => (q.ct && q.blob[d] && q.ref[d].length ? [...q.ct, again] : 0)
        if (p0.pc === 0) go(`${n} reader: resolves k${q0.ct && q0.ct[0]}`, (s, q) => { const v = resolve(q, 0); if (v) set(s, { pc: 1, v }); else done(s) })
        else go(`${n} reader: opens k${p0.v[0]}${s0.bytes[`${p0.v[0]}@${p0.v[1]}`] ? '' : ', no such key'}`, (s, q) => {
          if (s.bytes[`${p0.v[0]}@${p0.v[1]}`]) return done(s)
          const v = resolve(q, 1)
          if (!v) return done(s)
          if (p0.v[2] || !c.reresolve) { s.rd = 1; return done(s) }
          set(s, { pc: 1, v }) })
      }
      if (op === 'del') { // several small transactions, from the start again after a crash
        const st = c.delSteps[p0.pc]
        if (st === 'blob' && c.gcSplit && p0.v) {
          const [looked, sees] = p0.v
          if (!looked) { if (!(c.ctLock && s0.ctl)) go(`${n}.delete account: ${c.ctLock ? 'locks the content, ' : ''}looks who else has it`, (s, q) => { if (c.ctLock) s.ctl = 1; s.p[i].v = [1, others(q, d)] }) }
          else go(`${n}.delete account: tx blob, ${sees ? 'leaves the content' : 'DELETE content'}, commits`, (s, q) => {
            unlock(s, d, 1); s.p[i].v = s.p[i].h = 0
            if (q.ref[d].length || (!sees && others(q, d))) return set(s, {})   // FK: all of it rolled back
            q.blob[d] = q.xp[d] = 0; q.got[d] = 0; if (!sees && q.ct) { q.doom[q.ct[0]] = q.ct[1]; q.ct = 0 }
            if (p0.pc + 1 === c.delSteps.length) { s.del[d] = 1; done(s) } else s.p[i].pc++ })
        } else if (st === 'blob' && c.gcSplit && q0.blob[d] && !(rule6 && s0.lock[d])) go(`${n}.delete account: tx begins, DELETE blob(${d})`, (s) => { if (rule6) s.lock[d] = s.p[i].h = 1; s.p[i].v = [0] })
        else if (!(rule6 && s0.lock[d]) && !(st.startsWith('all') && s0.ctl)) go(`${n}.delete account: tx ${st}`, (s, q) => {
          if (st === 'mark' || st === 'all+mark') q.acct[d] = 2
          if (st === 'exp' || st.startsWith('all')) q.exp[d] = []
          if (st === 'ref' || st.startsWith('all')) { q.ref[d] = []; q.xp[d] = 1 }
          if (st === 'blob' || st.startsWith('all')) { if (q.ref[d].length) return set(s, {}); q.blob[d] = q.xp[d] = 0; q.got[d] = 0; if (c.atOnce && q.ct && !U.some((e) => q.blob[e])) { q.doom[q.ct[0]] = q.ct[1]; q.ct = 0 } }  // FK: a reference came back
          if (st === 'content!') { if (q.ct) { q.doom[q.ct[0]] = q.ct[1]; q.ct = 0; q.blob[d] = 0; q.got[d] = 0 } }                     // wrong: deletes the bytes it "owns"
          if (p0.pc + 1 === c.delSteps.length) { s.del[d] = 1; done(s) } else s.p[i].pc++ })
      }
      if (op === 'mig') {
        if (p0.pc === 0) { if (!q0.ct || q0.ct[1] === 2) go(`mover: nothing to move`, done); else if (!c.newKey) go(`mover: reads k${q0.ct[0]}, will copy under the same key`, (s, q) => { q.up[q.ct[0]] = 2; set(s, { pc: 1, k: q.ct[0], v: q.ct[0] }) })
          else if (q0.seq < c.maxGen) go(`mover: tx INSERT upload k${q0.seq + 1} (backend 2) for k${q0.ct[0]}`, (s, q) => { const k = ++q.seq; q.up[k] = 2; set(s, { pc: 1, k, v: q.ct[0] }) }) }
        if (p0.pc === 1) { const q = s0.bytes[`${p0.v}@1`]
          if (!q) go(`mover: k${p0.v} is gone, gives up this try`, retry)
          else if (q === 'r' && c.verifyCopy) go(`mover: k${p0.v} does not verify, reports it`, done)
          else go(`mover: reads k${p0.v}, issues PUT(k${p0.k}) to backend 2`, (s) => { s.net.push(`PUT:${p0.k}:2:${q}`); s.p[i].pc = 2 }) }
        if (p0.pc === 2 && !inNet(p0.k) && !waits) go(`mover: tx commit k${p0.v} -> k${p0.k}`, (s, q) => {
          if (c.ownRow === 'delete' && !(p0.k in q.up)) return retry(s)
          if (q.ct && (!c.cas || q.ct[0] === p0.v)) { if (!c.cas && p0.v in q.doom) return retry(s); q.doom[p0.v] = 1; setCt(s, p0.k, 2) }
          else q.doom[p0.k] = 2                                                         // lost race: the copy is the one to go
          delete q.up[p0.k]; done(s) })
      }
      if (s0.f < c.faults && (p0.pc > 0) && op !== 'read') go(`!! ${n} crashes / times out in ${op}`, (s) => { s.f++; if (p0.h) s.lock[d] = 0; if (p0.v && p0.v[0] === 1 && op === 'del' && c.ctLock) s.ctl = 0; retry(s) })
    })
    s0.g.forEach((st, gi) => { // ------------------------------------------------------------------------------ collectors and sweeps
      const G = `GC${c.gcs > 1 ? gi + 1 : ''}`, to = (s, x) => { s.g[gi] = x }
      const held = c.marker !== 'none' && (s0.hold || q0.fl), canCollect = !(held && c.refuse === 'both')   // database restored: refuse until recover
      if (st === 0) {
        if (c.gcClears && canCollect) for (const d of U) if (q0.blob[d] && q0.ref[d].length && q0.xp[d] && !(c.acctFirst && s0.lock[d])) go(`${G}: tx expired blob(${d}) is referenced, expires_at = null`, (s, q) => keep(q, d))
        if (canCollect) for (const d of U) { const some = q0.blob[d] && q0.xp[d] && q0.acct[d] !== 2 && c.meet === 'one' ? few(q0.exp[d].filter(meets)) : []; if (some.length && !(c.acctFirst && s0.lock[d])) go(`${G}: tx expired blob(${d}), one more record references it`, (s, q) => refer(q, d, some)) }
        if (canCollect) for (const d of U) if (q0.blob[d] && !q0.ref[d].length && !(c.waited === 'kept' && q0.exp[d].filter(meets).length) && (q0.xp[d] || c.keepXp) && !(c.acctFirst && s0.lock[d])) c.gcSplit ? go(`${G}: tx begins, DELETE expired unreferenced blob(${d})`, (s) => { if (c.acctFirst) s.lock[d] = 1; to(s, `own:${d}`) }) : go(`${G}: tx DELETE expired unreferenced blob(${d})`, (s, q) => { q.blob[d] = 0; q.xp[d] = 0; if (!q.exp[d].length) q.got[d] = 0; if (c.atOnce && q.ct && !U.some((e) => q.blob[e])) { q.doom[q.ct[0]] = q.ct[1]; q.ct = 0 } })
        if (!c.atOnce && c.search && canCollect && q0.ct && !U.some((d) => q0.blob[d])) { if (c.gcReturning) go(`${G}: tx DELETE content, tombstone k${q0.ct[0]}`, (s, q) => { q.doom[q.ct[0]] = q.ct[1]; q.ct = 0 }); else go(`${G}: SELECT content: k${q0.ct[0]} has no blob`, (s) => to(s, `cand:${q0.ct[0]}:${q0.ct[1]}`)) }
        if (canCollect) for (const k of Object.keys(q0.up)) go(`${G}: tx DELETE upload k${k} (lease over), tombstone`, (s, q) => { q.doom[k] = q.up[k]; delete q.up[k] })
        if (canCollect) for (const k of Object.keys(q0.doom)) {
          if (c.delay && (s0.p.some((p, i) => P[i].script[p.i] === 'read' && p.pc === 1 && p.v[0] == k) || (s0.bak && s0.bak.ct && s0.bak.ct[0] == k))) continue   // the delete delay outlasts reads and restorable backups
          const b = q0.doom[k]
          if (!s0.net.includes(`DEL:${k}:${b}`)) go(`${G}: issue DEL(k${k} in backend ${b})`, (s) => { s.net.push(`DEL:${k}:${b}`); to(s, `del:${k}:${b}`) })
        }
        if (!held) for (const x of Object.keys(s0.bytes)) { const [k, b] = x.split('@'); if (c.sweepOn.includes(+b)) go(`${G}: sweep LISTs k${k} in backend ${b}`, (s) => to(s, `seen:${k}:${b}`)) }
      } else { const [kind, k, b] = st.split(':')
        if (kind === 'own' && !(c.ctLock && s0.ctl)) go(`${G}: ${c.ctLock ? 'locks the content, ' : ''}looks who but ${k} has it`, (s, q) => { if (c.ctLock) s.ctl = 1; to(s, `look:${k}:${others(q, k) ? 1 : 0}`) })
        if (kind === 'look') go(`${G}: blob(${k}) gone, ${b === '1' ? 'leaves the content' : 'DELETE content'}, commits`, (s, q) => { unlock(s, k, 1); to(s, 0)
          if (!q.blob[k] || q.ref[k].length || (b === '0' && others(q, k))) return   // FK: all of it rolled back
          q.blob[k] = 0; q.xp[k] = 0; if (!q.exp[k].length) q.got[k] = 0; if (b === '0' && q.ct) { q.doom[q.ct[0]] = q.ct[1]; q.ct = 0 } })
        if ((kind === 'own' || kind === 'look') && s0.f < c.faults) go(`!! ${G} crashes`, (s) => { s.f++; unlock(s, k, kind === 'look'); to(s, 0) })
        if (kind === 'cand') go(`${G}: DELETE content WHERE cid, tombstone for the k${k} read before`, (s, q) => { if (q.ct && !U.some((d) => q.blob[d]) && !(k in q.doom)) { q.doom[k] = +b; q.ct = 0 } to(s, 0) })
        if (kind === 'del' && !s0.net.includes(`DEL:${k}:${b}`)) go(`${G}: DEL acked, tx drop tombstone k${k}`, (s, q) => { delete q.doom[k]; to(s, 0) })
        if (kind === 'del' && s0.f < c.faults) go(`!! ${G} crashes / times out on DEL(k${k})`, (s) => { s.f++; to(s, 0) })
        if (kind === 'seen') {
          if (c.sweepLook === 'one') go(`${G}: sweep looks k${k} up, unknown -> tombstone`, (s, q) => { if (!known(q, k)) q.doom[k] = +b; to(s, 0) })
          else go(`${G}: sweep looks k${k} up in content`, (s, q) => to(s, q.ct && q.ct[0] == k ? 0 : `half:${k}:${b}`)) }
        if (kind === 'half') go(`${G}: sweep looks k${k} up in upload and doomed, unknown -> tombstone`, (s, q) => { if (!(k in q.up || k in q.doom)) q.doom[k] = +b; to(s, 0) })
      }
    })
    if (s0.rot < c.rots && q0.ct && s0.bytes[`${q0.ct[0]}@${q0.ct[1]}`] === 'g') go(`!! the live copy k${q0.ct[0]} rots`, (s) => { s.rot++; s.h = 0; s.bytes[`${q0.ct[0]}@${q0.ct[1]}`] = 'r' }) // ------- rot, scrub
    if (c.scrub && q0.ct && !q0.vn && s0.bytes[`${q0.ct[0]}@${q0.ct[1]}`] === 'r') go(`scrub: k${q0.ct[0]} is damaged${c.scrubNull ? ', verified_at = null' : ' (only reported)'}`, (s, q) => { if (c.scrubNull) q.vn = 1; s.rot = 9 })
    if (c.restore) { // ------------------------------------------------------------------------------------------ backup, restore, open, recover
      const die = (s) => { s.lock = { A: 0, B: 0 }; s.ctl = 0; s.p = s.p.map((p) => ({ i: p.i, pc: 0, k: 0, v: 0, h: 0 })); s.g = s.g.map(() => 0) }
      const open = (s, q) => {
        if (c.marker === 'text') { q.ep++; if (s.mark > q.ep) s.hold = 1; else { s.hold = 0; s.mark = q.ep } }                    // as the text reads: commit epoch + 1, then compare
        if (c.marker === 'compare') { if (q.fl || s.mark > q.ep) q.fl = 1; else { q.ep++; s.mark = q.ep } }   // compare first; the finding is kept in store_meta; no step of the epoch while it stands
      }
      if (s0.b === 0) go(`backup of the database${c.bump ? ', then epoch + 1 in database and marker' : ''}`, (s, q) => { s.bak = clone(q); s.b = 1; if (c.bump) s.mark = ++q.ep })
      if (s0.b === 1 && s0.bak) go('the backup is too old now, thrown away', (s) => { s.bak = 0; s.b = 4 })
      if (s0.b === 1 && s0.bak && !(c.afterOpen && s0.mark <= s0.bak.ep)) go('!! the database is lost; the backup is restored and opened', (s) => {
        die(s); const seq = s.sql.seq, ct = s.sql.ct; s.sql = s.bak; s.sql.seq = seq; s.bak = 0; s.b = 2; s.h = 0
        if (c.i6 && ct && s.sql.ct[0] !== ct[0] && s.bytes[`${ct[0]}@${ct[1]}`]) s.late = [`${ct[0]}@${ct[1]}`]                            // acknowledged after the backup
        s.was = s.sql.ct ? [s.sql.ct[0]] : []; open(s, s.sql) })
      if (s0.n < c.renews) go('a process renews its marker, epoch + 1 in database and marker', (s, q) => { s.n++; if (!q.fl) s.mark = ++q.ep })
      if (s0.o < c.opens) go('!! the process stops and is opened again', (s, q) => { s.o++; die(s); open(s, q) })
      if (s0.b === 2 || (s0.b === 3 && s0.rc < c.recovers)) { // every other process is stopped, deletions that were issued may still be under way; the backends are listed
        const may = (d) => (c.recover === 'host' ? s0.had[d] : s0.had[d] || q0.exp[d].length) && q0.acct[d] !== 2
        const at = Object.keys(s0.bytes).filter((x) => s0.bytes[x] === 'g').map((x) => x.split('@')).filter(([k]) => !(k in q0.up)), owners = U.filter(may)
        const found = owners.length && !q0.ct && at.find(([k]) => !known(q0, k) || (k in q0.doom && c.doomed !== 'left'))
        const give = (s, q) => { if (q.ct) for (const d of owners) if (!q.blob[d]) { q.blob[d] = q.xp[d] = q.acct[d] = 1
          if (q.exp[d].length) refer(q, d, q.exp[d]) } }
        const over = (s, q) => { s.g = s.g.map(() => 0); s.b = 3; s.rc++; s.late = []; q.fl = 0; s.hold = 0; s.mark = Math.max(s.mark, q.ep) + 1; q.ep = s.mark; s.rl = !q.ct && owners.length && at.length ? 1 : 0 }
        if (found && c.doomed !== 'revived') { if (q0.seq < c.maxGen) go(`recover: k${found[0]} is still there, copied to k${q0.seq + 1}, of ${owners}`, (s, q) => { const k = ++q.seq; s.bytes[`${k}@${found[1]}`] = 'g'; setCt(s, k, +found[1]); give(s, q); over(s, q) }) }
        else go(`recover${found ? `: k${found[0]} is live again` : ''}`, (s, q) => { if (found) { delete q.doom[found[0]]; setCt(s, +found[0], +found[1]) } give(s, q); over(s, q) })
      }
    }
    return out
  }
  const has = (s) => s.sql.ct && s.bytes[`${s.sql.ct[0]}@${s.sql.ct[1]}`]
  const I1 = (s) => { for (const d of U) { if (s.sql.ref[d].length && !(s.sql.blob[d] && has(s))) return `record of ${d} is committed but its bytes are gone`
    if (s.sql.exp[d].length && s.sql.got[d] && !(s.sql.blob[d] && has(s))) return `record of ${d} names the CID, its upload was acknowledged, and it was collected` } return true }
  const I3 = (s) => { for (const d of U) if (s.sql.blob[d] && !has(s)) return `upload acknowledged to ${d}, not expired, but its bytes are gone`; return true }
  const I4 = (s) => (s.h && s.sql.ct && U.some((d) => s.sql.blob[d]) && has(s) === 'r' ? `an upload with good bytes was acknowledged after the rot, and the content is still bad` : true)
  const I5 = (s) => (s.rd ? 'a reader of a blob referenced all the time got "no such key" twice' : true)
  const I7 = (s) => { if (c.i7) for (const d of U) if (s.sql.exp[d].length && s.sql.blob[d]) return `a record of ${d} waits for a blob that ${d} has`; return true }
  const I6 = (s) => { for (const x of s.late) if (!s.bytes[x]) return `restored database: bytes ${x} of an upload acknowledged after the backup were deleted before recover`; return true }
  const I9 = (s) => { for (const d of U) if (s.sql.blob[d] && !s.had[d]) return `${d} has a blob of which ${d} never had the bytes`; return true }
  const IA = (s) => (s.rl ? 'bytes were there and their owners known, and recover gave them to nobody' : true)
  const quiet = (s) => P.every(({ script }, i) => { const p = s.p[i], op = script[p.i]; return !op || (['up', 'mig'].includes(op) && p.pc === 0 && s.sql.seq >= c.maxGen) }) && s.net.length === 0 && s.g.every((x) => x === 0)
  const I2 = (s) => {
    if (s.b < 2 || s.b === 4) for (const k of s.was) for (const b of [1, 2]) if (s.bytes[`${k}@${b}`] && !known(s.sql, k)) return `k${k} was live, has bytes, and no row names it (only the sweep can find it)`
    if (!quiet(s) || s.hold || s.sql.fl) return true
    const q = clone(s.sql), y = { ...s.bytes }
    for (const d of U) if (c.meet === 'one' && q.blob[d] && q.xp[d] && q.acct[d] !== 2) refer(q, d, q.exp[d].filter(meets))
    for (const d of U) if (c.meet === 'one' && q.blob[d] && q.exp[d].some(meets) && q.acct[d] !== 2) return `a record of ${d} waits for a blob that ${d} has, and nobody will look`
    for (const d of U) if (!q.ref[d].length && (q.xp[d] || c.keepXp)) q.blob[d] = 0
    for (const d of U) if (s.del[d] && (q.blob[d] || q.ref[d].length || q.exp[d].length)) return `account ${d} is deleted and quiet, rows remain (ref ${q.ref[d]} expected ${q.exp[d]})`
    if (q.ct && !U.some((d) => q.blob[d])) { if ((c.atOnce || !c.search) && !U.some((d) => s.sql.blob[d])) return `content k${q.ct[0]} is without any blob, and nothing but a search would find it`; q.doom[q.ct[0]] = q.ct[1]; q.ct = 0 }
    for (const k of Object.keys(q.up)) { q.doom[k] = q.up[k]; delete q.up[k] }
    for (const k of Object.keys(q.doom)) { delete y[`${k}@${q.doom[k]}`]; delete q.doom[k] }
    for (const x of Object.keys(y)) { const [k, b] = x.split('@'); if (c.sweepOn.includes(+b) && !known(q, k)) delete y[x] }
    for (const x of Object.keys(y)) if (!(q.ct && `${q.ct[0]}@${q.ct[1]}` === x && U.some((d) => q.ref[d].length))) return `after quiescence and collection, bytes k${x} remain and nothing references them`
    return 'Q'
  }
  return { name: c.name, init, next, invariants: [['I1 referenced => bytes', I1], ['I2 no garbage left', I2], ['I3 no harm to others', I3], ['I4 healed', I4], ['I5 readers', I5], ['I6 recoverable', I6], ['I7 met by bytes', I7], ['I9 nobody has what others had', I9], ['IA what is there is given back', IA]] }
}
