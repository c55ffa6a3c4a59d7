import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * Runs files of node:test as readers would; resolves with the last lines that it printed; a rejection has all lines.
 */
export async function nodeTest(...files: string[]): Promise<string> {
  // Without vitest's own settings, which change what a child of it prints.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  const args = ['--test', '--test-reporter=tap', ...files]
  const options = { env, timeout: 120_000, killSignal: 'SIGKILL' } as const
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}${error.stderr}`)
  })
  return stdout.slice(stdout.lastIndexOf('\n# tests'))
}
