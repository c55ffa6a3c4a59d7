import { fileURLToPath } from 'node:url'
import { requireFrom } from '../node-require.ts'
import { programFile } from '../programs.ts'
import { failed } from './image-variants.ts'

/**
 * Looks for sharp where the decoding processes are, which load it: a host that forgot to install it learns that when it
 * starts, not from its users.
 *
 * @throws `ImagesFailed`
 */
export function assertInstalled(sharp: string): void {
  let there: NodeJS.Require
  try {
    there = requireFrom(programFile('images').href)
  } catch {
    return // in a bundle without its programs: the first use says so
  }
  try {
    there.resolve(sharp.startsWith('file:') ? fileURLToPath(sharp) : sharp)
  } catch (error) {
    // Any other failure is one of resolving it in this way; whether it loads is tried in `ready`.
    if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') return
    const advice =
      sharp === 'sharp'
        ? 'npm install sharp. If it is installed for the host alone, give its place: sharp: import.meta.resolve("sharp")'
        : `it is not at the option sharp, ${sharp}`
    throw failed(`Images need the package sharp (0.35 or later), which is not installed: ${advice}`, false, error)
  }
}
