import { fileURLToPath } from 'node:url'

/** The path of a module that replaces sharp, and does what no decoder should. */
export function decoder(
  name: 'absent' | 'broken' | 'crash' | 'echo' | 'flood' | 'greedy' | 'halt' | 'liar' | 'loud' | 'pid' | 'slow',
): string {
  return fileURLToPath(new URL(`./${name}.mjs`, import.meta.url))
}
