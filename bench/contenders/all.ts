import { isInstalled } from '../process/packages.ts'
import type { Open } from './contract.ts'

/** Each contender, where its code is, and what a reader of the tables must know about it. */
interface Entry {
  title: string
  /** What an acknowledged upload survives. */
  survives: 'a power cut' | 'a crash of the process' | 'nothing'
  /** What it does with an upload. */
  does: string
  load: () => Promise<Open>
  /** The package that it needs, of those of the bench. */
  needs?: string
}

// A computed name: not everybody has the packages of the peers, neither to run nor to compile.
const peer = async (file: string): Promise<Open> => (await import(`./peers/${file}.ts`)).open as Open

/** A variant of the hand-written baseline. */
const parts = (variant: keyof typeof import('./parts/parts.ts')) => async (): Promise<Open> =>
  (await import('./parts/parts.ts'))[variant]

/** For what only one workload opens. */
const inWorkload = () => Promise.reject(new Error('opened by its workload'))

const whole = 'hash, type, row, reference'

export const contenders = {
  ours: {
    title: 'pds-blobstore',
    survives: 'a power cut',
    does: whole,
    load: async () => (await import('./ours.ts')).durable,
  },
  'ours-relaxed': {
    title: 'pds-blobstore, durability off',
    survives: 'a crash of the process',
    does: whole,
    load: async () => (await import('./ours.ts')).relaxed,
  },
  reference: {
    title: 'reference PDS',
    survives: 'a crash of the process',
    does: whole,
    load: () => peer('reference'),
    needs: '@atproto/pds',
  },
  'blockstore-fs': {
    title: 'blockstore-fs',
    survives: 'a crash of the process',
    does: 'hash',
    load: () => peer('blockstore-fs'),
    needs: 'blockstore-fs',
  },
  cacache: {
    title: 'cacache',
    survives: 'a crash of the process',
    does: 'hash, index',
    load: () => peer('cacache'),
    needs: 'cacache',
  },
  tus: {
    title: '@tus/file-store',
    survives: 'a crash of the process',
    does: 'a file of metadata, no hash',
    load: () => peer('tus'),
    needs: '@tus/file-store',
  },
  'fs-async': {
    title: 'bare fs: hash, write, rename',
    survives: 'a crash of the process',
    does: 'hash',
    load: async () => (await import('./plain-fs.ts')).asynchronous,
  },
  'fs-sync': {
    title: 'the same, synchronous',
    survives: 'a crash of the process',
    does: 'hash',
    load: async () => (await import('./plain-fs.ts')).synchronous,
  },
  parts: {
    title: 'its files and rows alone',
    survives: 'a power cut',
    does: 'hash, row, reference: hand-written baseline without checks, limits, types or errors',
    load: parts('durable'),
  },
  'parts-relaxed': {
    title: 'the same, durability off',
    survives: 'a crash of the process',
    does: 'hash, row, reference',
    load: parts('relaxed'),
  },
  'parts-segment': {
    title: 'its rows, and one file for all blobs',
    survives: 'a power cut',
    does: 'the same; no space is ever freed',
    load: parts('segmentDurable'),
  },
  'parts-segment-relaxed': {
    title: 'the same, durability off',
    survives: 'a crash of the process',
    does: 'the same; no space is ever freed',
    load: parts('segmentRelaxed'),
  },
  'parts-in-rows': {
    title: 'its rows, and the bytes in them',
    survives: 'a power cut',
    does: 'the same, without files',
    load: parts('inRowsDurable'),
  },
  'parts-in-rows-relaxed': {
    title: 'the same, durability off',
    survives: 'a crash of the process',
    does: 'the same, without files',
    load: parts('inRowsRelaxed'),
  },
  'ours-statements': {
    title: 'the same, without functions of the database',
    survives: 'a crash of the process',
    does: 'hash, type, row, reference, in one statement after the other',
    load: inWorkload,
  },
  'postgres-parts': {
    title: 'the same statements, with pg alone',
    survives: 'a crash of the process',
    does: 'hash, row, reference: hand-written, without checks, limits, types or errors',
    load: inWorkload,
  },
  'hash-only': {
    title: 'hashed, not stored',
    survives: 'nothing',
    does: 'hash',
    load: async () => (await import('./hash-only.ts')).open,
  },
  'write-only': {
    title: 'writing alone',
    survives: 'a crash of the process',
    does: 'no hash, no name',
    load: async () => (await import('./write-only.ts')).open,
  },
} satisfies Record<string, Entry>

export type ContenderName = keyof typeof contenders

/** What a contender needs and is not installed. */
export function missingFor(name: string): string | undefined {
  const { needs } = entryOf(name)
  return needs === undefined || isInstalled(needs) ? undefined : `${needs} is not installed: npm ci --prefix bench`
}

export async function openContender(name: string, folder: string): ReturnType<Open> {
  const open = await entryOf(name).load()
  return await open(folder)
}

function entryOf(name: string): Entry {
  return contenders[name as ContenderName]
}
