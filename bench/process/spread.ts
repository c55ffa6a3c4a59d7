import { execFileSync } from 'node:child_process'

/**
 * Places what is created in a folder in separate parts of the disk. ext4 does not reuse an inode within minutes of its
 * file's deletion, and skips all of them for each new file: in the place of the previous sample, which was created and
 * deleted in seconds, creating a file took 700 µs instead of 35. `T` marks the top of a hierarchy, whose folders ext4
 * spreads. Other file systems do not need this.
 */
export function spreadOut(folder: string): void {
  try {
    execFileSync('chattr', ['+T', folder], { stdio: 'ignore' })
  } catch {
    // not ext4, or chattr is not there
  }
}
