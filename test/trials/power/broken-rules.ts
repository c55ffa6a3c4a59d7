import { sys } from '../../../src/backend/files/system-calls.ts'
import type { MetadataDurability } from '../../../src/index.ts'

/** The rules of durability that `--break` removes; without one of them a power cut must lose what was acknowledged. */
export const brokenRules = ['fsync', 'dirsync', 'sync-normal'] as const
export type BrokenRule = (typeof brokenRules)[number]

export function isBrokenRule(rule: string | undefined): rule is BrokenRule {
  return brokenRules.some((known) => known === rule)
}

/** Breaks the rule in this process, permanently. */
export function breakRule(rule: BrokenRule | null): void {
  if (rule !== 'fsync' && rule !== 'dirsync') return
  const { openDirectory, fsync, close } = sys
  const directories = new Set<number>()
  sys.openDirectory = async (path) => {
    const fd = await openDirectory(path)
    directories.add(fd)
    return fd
  }
  sys.close = (fd) => {
    directories.delete(fd)
    return close(fd)
  }
  sys.fsync = async (fd) => {
    if (directories.has(fd) !== (rule === 'dirsync')) await fsync(fd)
  }
}

export function metadataDurability(rule: BrokenRule | null): MetadataDurability {
  return rule === 'sync-normal' ? 'relaxed' : 'full'
}
