import { basename, dirname } from 'node:path'
import { isOfEntry } from '../../support/entries.ts'
import type { Call } from './strace.ts'

/** One step of `one-of-each.ts`: what it did between its first and its last message. */
export interface Deed {
  calls: readonly Call[]
  /** What came with the acknowledgement. */
  answer: string
}

export function deedOf(calls: readonly Call[], name: string): Deed {
  const said = (word: string) => calls.findIndex((call) => call.path === 'stdout' && call.text.includes(`"${word}`))
  const [begin, end] = [said(`begin ${name}\\n`), said(`end ${name}`)]
  if (begin < 0 || end < 0) throw new Error(`${name} is not in the trace`)
  const answer = /"end \w+ ?(.*?)\\n"/.exec(calls[end]?.text ?? '')?.[1] ?? ''
  return { calls: calls.slice(begin + 1, end), answer }
}

/** What the trace of an upload lacks; nothing, if it keeps an order that survives a power cut. */
export function brokenByUpload({ calls, answer: cid }: Deed): string[] {
  const broken: string[] = []
  const rename = calls.find(({ name, to }) => name.startsWith('rename') && to.includes(`/${cid}.`))
  if (rename === undefined) return ['no rename to the name of the blob']
  const written = calls.filter(({ name, path }) => name.includes('write') && path === rename.path)
  if (written.length === 0) broken.push('nothing was written to the blob')
  if (!syncedBetween(calls, rename.path, endOf(written), rename.begun)) broken.push('fsync(blob file) < rename')

  const shard = dirname(rename.to)
  const parent = dirname(shard)
  const key = rename.to.slice(shard.length + 1)
  const committed = calls.filter((call) => isWal(call) && call.name.includes('write') && call.begun > rename.ended)
  if (!committed.some(({ text }) => text.includes(key))) broken.push('no commit after the rename names the key')
  const commit = committed[0]?.begun ?? 0
  if (!syncedBetween(calls, shard, rename.ended, commit)) broken.push('rename < fsync(shard directory) < commit')
  const made = calls.find(({ name, path }) => name === 'mkdir' && path === shard)
  if (made && !syncedBetween(calls, parent, made.ended, commit))
    broken.push('mkdir(shard) < fsync(its parent) < commit')
  if (!isOfEntry(key) && !named(calls, key, rename.begun)) broken.push('the row before the bytes')
  return [...broken, ...brokenByCommit({ calls, answer: cid })]
}

/** The names of the directories that were created for the root, and its own, before anything is in it. */
export function brokenByRoot({ calls }: Deed): string[] {
  const version = calls.find(({ name, path }) => name === 'openat' && path.endsWith('/layout-1'))
  if (version === undefined) return ['no root was created']
  const made = calls.filter(({ name, path }) => name === 'mkdir' && version.path.startsWith(`${path}/`))
  if (made.length !== 2) return [`${made.length} directories were created for the root`]
  return made
    .filter(({ path, ended }) => !syncedBetween(calls, dirname(path), ended, version.begun))
    .map(({ path }) => `mkdir(${basename(path)}) < fsync(its parent) < what is in it`)
}

/** Whatever was written to the WAL is on stable storage when it is acknowledged. */
export function brokenByCommit({ calls }: Deed): string[] {
  const writes = calls.filter((call) => isWal(call) && call.name.includes('write'))
  const wal = writes[0]?.path
  if (wal === undefined) return ['nothing was committed']
  return syncedBetween(calls, wal, endOf(writes), Number.POSITIVE_INFINITY) ? [] : ['fsync(WAL) < acknowledgement']
}

export function brokenByDeletion({ calls, answer }: Deed): string[] {
  const broken: string[] = []
  const unlinked = calls.filter(({ name, path }) => name.startsWith('unlink') && path.includes('/blobs/'))
  if (unlinked.length === 0 || unlinked.length !== Number(answer)) {
    broken.push(`${answer} keys deleted, ${unlinked.length} files unlinked`)
  }
  const walWrites = calls.filter((call) => isWal(call) && call.name.includes('write'))
  for (const { path, begun, ended } of unlinked) {
    const tombstone = walWrites.filter((write) => write.ended < begun)
    const dropping = walWrites.filter((write) => write.begun > ended)
    const [wal, drop] = [tombstone[0]?.path ?? '', dropping[0]?.begun ?? 0]
    const key = path.slice(dirname(path).length + 1)
    if (!tombstone.some(({ text }) => text.includes(key))) broken.push('the tombstone before unlink')
    if (!syncedBetween(calls, wal, endOf(tombstone), begun)) broken.push('fsync(WAL of the tombstone) < unlink')
    if (!syncedBetween(calls, dirname(path), ended, drop)) broken.push('unlink < fsync(directory) < dropping')
  }
  return [...new Set([...broken, ...brokenByCommit({ calls, answer })])]
}

/**
 * The database's epoch is on stable storage before the marker's, the marker is complete before it has its name, and
 * durable before the acknowledgement.
 */
export function brokenByMarker({ calls, answer }: Deed): string[] {
  const broken: string[] = []
  const rename = calls.find(({ name, to }) => name.startsWith('rename') && to.endsWith('/marker'))
  if (rename === undefined) return ['no rename to the marker']
  const epoch = calls.filter((call) => isWal(call) && call.name.includes('write') && call.ended < rename.begun)
  if (!syncedBetween(calls, epoch[0]?.path ?? '', endOf(epoch), rename.begun)) broken.push('fsync(WAL) < rename')
  const written = calls.filter(({ name, path }) => name.includes('write') && path === rename.path)
  if (!syncedBetween(calls, rename.path, endOf(written), rename.begun)) broken.push('fsync(marker) < rename')
  if (!syncedBetween(calls, dirname(rename.to), rename.ended, Number.POSITIVE_INFINITY)) {
    broken.push('rename < fsync(root)')
  }
  return [...broken, ...brokenByCommit({ calls, answer })]
}

const isWal = ({ path }: Call): boolean => path.endsWith('-wal')
const endOf = (calls: readonly Call[]): number => Math.max(-1, ...calls.map(({ ended }) => ended))

/** Whether the file was synced, begun after the one moment and ended before the other. */
function syncedBetween(calls: readonly Call[], path: string, after: number, before: number): boolean {
  return calls.some(
    (call) =>
      (call.name === 'fsync' || call.name === 'fdatasync') &&
      call.path === path &&
      call.begun > after &&
      call.ended < before,
  )
}

/** Whether the WAL had the key, on stable storage, before this moment. */
function named(calls: readonly Call[], key: string, before: number): boolean {
  const writes = calls.filter((call) => isWal(call) && call.name.includes('write') && call.ended < before)
  return writes.some(({ text }) => text.includes(key))
}
