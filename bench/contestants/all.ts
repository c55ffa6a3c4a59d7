import type { Open } from './contract.ts'

/** Each contestant, where its code is, and what a reader of the tables should know of it. */
interface Entry {
  title: string
  /** What an acknowledged upload survives. */
  survives: 'a power cut' | 'a crash of the process'
  /** What it does with an upload. */
  does: string
  load: () => Promise<Open>
  /** The package that it needs, of those of the bench. */
  needs?: string
}

// A computed name: the packages of the peers are not there for everybody, neither to run nor to compile.
const peer = async (file: string): Promise<Open> => (await import(`./peers/${file}.ts`)).open as Open

const whole = 'hash, type, row, reference'

export const contestants = {
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
} satisfies Record<string, Entry>

export type ContestantName = keyof typeof contestants

export async function openContestant(name: ContestantName, folder: string): ReturnType<Open> {
  const open = await contestants[name].load()
  return await open(folder)
}
