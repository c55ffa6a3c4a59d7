import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { commands } from '../../src/cli/program.ts'
import { temporaryFolder } from '../support/places.ts'
import { filled, program } from './run-cli.ts'

// Fails when a command does not pass its signal on, ends in its own way, or leaves a file behind.

/**
 * A store in which every call that takes a signal waits for it, as on a slow disk: each says so first, on stdout.
 * Others answer at once, with zeros.
 */
const slowStore = `
  const zeros = { count: 1, storedCount: 1, doomedCount: 0, quarantinedCount: 0, storedBytes: 1, reserved: 0, pending: 0, bytes: 0 }
  const waiting = (...given) => new Promise((resolve, reject) => {
    const signal = given.map((one) => one?.signal).find(Boolean)
    if (!signal) return resolve(zeros)
    signal.addEventListener('abort', () => reject(signal.reason))
    setInterval(() => {}, 1000)
    process.stdout.write('waits')
  })
  const own = {
    place: { backends: { disk: '/nowhere' } }, close: async () => {}, ready: async () => {}, then: undefined,
    listAccounts: async (options) => (await waiting(options), { items: [] }),
  }
  export default new Proxy(own, { get: (of, name) => (name in of ? of[name] : waiting) })`

const folderOf = (files: Record<string, string>): string => {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  mkdirSync(join(folder, 'actors'))
  return folder
}

const did = 'did:plc:stopping'
const cid = `bafkrei${'a'.repeat(52)}`

/** What each command needs besides the store, relative to the folder. `stats` takes no signal: see below. */
const needed: Record<string, readonly string[]> = {
  purge: ['*', cid, '--yes'],
  takedown: ['*', cid, '--yes'],
  'reverse-takedown': ['*', cid, '--yes'],
  show: [cid],
  get: [did, cid],
  list: [did],
  'delete-account': [did, '--yes'],
  'reopen-account': [did, '--yes'],
  backup: ['--to', 'copy.sqlite'],
  export: ['--to', 'exported'],
  collect: ['--yes'],
  sweep: ['--yes'],
  recover: ['--yes'],
  migrate: ['--yes'],
  heal: ['--from', 'actors', '--yes'],
}

function started(args: readonly string[], cwd: string): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

describe('Control-C', () => {
  const waiting = commands.map(({ name }) => name).filter((name) => name !== 'stats' && name !== 'import')

  test.each(waiting)('ends %s with the same words and exit status 130, and leaves nothing behind', async (name) => {
    const folder = folderOf({ 'slow.mjs': slowStore })
    const before = readdirSync(folder)
    const child = started([name, ...(needed[name] ?? []), '--config', 'slow.mjs'], folder)
    const stderr = text(child.stderr as never)
    const exit = once(child, 'exit')
    await once(child.stdout as never, 'data')
    child.kill('SIGINT')
    expect(await exit).toEqual([130, null])
    expect((await stderr).replace(/^Store: .*\n/, '')).toBe('Stopping. What was done stays done.\n')
    expect(readdirSync(folder).filter((file) => !before.includes(file) && file !== 'exported')).toEqual([])
  })

  test('has another exit status than SIGTERM', async () => {
    const child = started(['check', '--config', 'slow.mjs'], folderOf({ 'slow.mjs': slowStore }))
    const exit = once(child, 'exit')
    await once(child.stdout as never, 'data')
    child.kill('SIGTERM')
    expect(await exit).toEqual([143, null])
  })

  test('a second one ends the process at once', async () => {
    const folder = folderOf({
      'slow.mjs': slowStore.replace("'abort', () => reject(signal.reason)", "'abort', () => {}"),
    })
    const child = started(['scrub', '--config', 'slow.mjs'], folder)
    const exit = once(child, 'exit')
    await once(child.stdout as never, 'data')
    child.kill('SIGINT')
    await once(child.stderr as never, 'data')
    child.kill('SIGINT')
    expect(await exit).toEqual([null, 'SIGINT'])
  })

  // Fails when the terminal keeps Control-C for itself: the process would end by itself with status 13.
  test.runIf(process.platform === 'linux')('ends a question, and Control-D is a no', async () => {
    const place = await filled()
    const words = [process.execPath, program, 'collect', ...place.named].map((word) => `'${word}'`).join(' ')
    const typed = async (key: string) => {
      const child = spawn('script', ['--quiet', '--return', '--command', words, '/dev/null'], { timeout: 30_000 })
      onTestFinished(() => void child.kill('SIGKILL'))
      const exit = once(child, 'exit')
      let says = ''
      child.stdout.on('data', (chunk) => {
        if (!says.includes('[y/N]') && `${says}${chunk}`.includes('[y/N]')) child.stdin.write(key)
        says += chunk
      })
      return { status: (await exit)[0], says: says.replaceAll(/\s+/g, ' ') }
    }
    expect(await typed('\x03')).toEqual({ status: 130, says: expect.stringContaining('Stopping. What was done stays') })
    expect(await typed('\x04')).toEqual({ status: 2, says: expect.stringContaining('Nothing was done') })
    expect(await place.json('stats')).toMatchObject({ count: 2 })
  })
})
