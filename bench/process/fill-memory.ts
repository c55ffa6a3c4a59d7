import { closeSync, ftruncateSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** Left free, in bytes: for the samples themselves. */
const spare = 1024 ** 3

let files = 0

/**
 * Fills free memory with page cache, by reading a file of holes. On virtual machines that report free pages to their
 * host, and get them back one by one, a sample that is the first to use a page pays for that, up to ten times the cost
 * of its work. Of memory that was used once the kernel takes what it needs. The files stay until the run ends, because
 * deleting them frees their pages.
 */
export function fillFreeMemory(folder: string): void {
  const size = freeBytes() - spare
  if (size < spare / 4) return
  const file = openSync(join(folder, `holes-${files++}`), 'wx+')
  try {
    ftruncateSync(file, size)
    const piece = Buffer.allocUnsafe(4 * 1024 * 1024)
    for (let at = 0; at < size; at += piece.length) readSync(file, piece, 0, piece.length, at)
  } finally {
    closeSync(file)
  }
}

/** Linux only, as the whole benchmark. */
function freeBytes(): number {
  return Number(/^MemFree:\s*(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024
}
