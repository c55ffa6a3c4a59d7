import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { programFile } from '../../programs.ts'
import { failed, refused } from '../image-variants.ts'
import type { Task, WorkerMessage, WorkerSettings } from './messages.ts'

/** The only variables of the server's environment that the process gets: no secrets. */
const environment = ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SystemRoot']

const startTime = 30_000
const maxOutput = 32 * 1024 * 1024

/** One image, and how to read it. The signal ends with the task. */
export interface Work extends Task {
  read(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

/** A process that decodes one image at a time. It is killed, not asked to stop. */
export class WorkerProcess {
  readonly #child: ChildProcess
  #onMessage: (message: WorkerMessage) => void = () => {}
  /** Rejects the running task. */
  #lose: (error: unknown) => void = () => {}
  #output: Buffer[] = []
  #outputSize = 0
  #onOutput: () => void = () => {}
  #memory = 0
  #ready = false
  /** Why the process ended, once it has. */
  #over: { error: unknown } | undefined

  constructor(settings: WorkerSettings) {
    this.#child = fork(fileURLToPath(programFile('images')), [JSON.stringify(settings)], {
      execArgv: ['--max-old-space-size=64'],
      env: Object.fromEntries(environment.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
      stdio: ['pipe', 'pipe', 'ignore', 'ipc'],
      serialization: 'json', // the output of a decoder is not trusted with more
    })
    const { stdin, stdout } = this.#child
    this.#child.on('message', (message: WorkerMessage) => this.#receive(message))
    this.#child.on('error', (cause) => this.kill(startFailed(cause.message, cause)))
    this.#child.on('exit', () =>
      this.kill(this.#ready ? refused('the decoder crashed') : startFailed('it ended at once')),
    )
    stdin?.on('error', () => {}) // its exit reports the failure
    stdout?.on('data', (chunk: Buffer) => this.#take(chunk))
  }

  get alive(): boolean {
    return this.#over === undefined
  }

  /** Resident bytes after its last task. */
  get memory(): number {
    return this.#memory
  }

  /** Resolves when it can take tasks. @throws `ImagesFailed` */
  async start(): Promise<void> {
    const message = await this.#during(this.#message(), startTime, () => startFailed(`it took over ${startTime} ms`))
    this.#ready = message.kind === 'ready'
    if (this.#ready) return
    const reason = message.kind === 'unusable' ? message.reason : message.kind
    const error = failed(`Images need the package sharp (0.35 or later), which cannot be loaded: ${reason}`, false)
    this.kill(error)
    throw error
  }

  /**
   * Generates one image. Any interruption (the timeout, the signal, a source that fails) ends the process.
   *
   * @throws `ImageRefused`
   */
  async run({ read, ...task }: Work, timeout: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted()
    const reading = new AbortController()
    const onAbort = () => this.kill(signal.reason)
    signal.addEventListener('abort', onAbort)
    this.#hold(true)
    try {
      const image = this.#make(task, read, reading.signal)
      return await this.#during(image, timeout, () => refused(`it took longer than ${timeout} ms`))
    } finally {
      signal.removeEventListener('abort', onAbort)
      reading.abort()
      this.#hold(false)
    }
  }

  /** Ends the process at once, and rejects its task with `error`. Does nothing if it has ended. */
  kill(error: unknown): void {
    if (this.#over) return
    this.#over = { error }
    this.#child.kill('SIGKILL')
    this.#lose(error)
  }

  async #make(task: Task, read: Work['read'], signal: AbortSignal): Promise<Uint8Array> {
    const answer = this.#message()
    this.#child.send(task)
    try {
      for await (const chunk of await read(signal)) await this.#write(chunk)
    } catch (error) {
      this.kill(error) // it waits for bytes that will not come
      throw error
    }
    const message = await answer
    if (message.kind === 'refused') throw refused(message.reason)
    if (message.kind !== 'made') throw this.#broken()
    this.#memory = message.memory
    return await this.#collect(message.size)
  }

  /** Resolves when the process has taken the bytes: their buffer may be reused. */
  #write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.stdin?.write(chunk, (error) => (error ? reject(error) : resolve()))
    })
  }

  async #collect(size: number): Promise<Uint8Array> {
    while (this.#outputSize < size) {
      await new Promise<void>((resolve) => {
        this.#onOutput = resolve
      })
    }
    if (this.#outputSize !== size) throw this.#broken()
    const image = Buffer.concat(this.#output)
    this.#output = []
    this.#outputSize = 0
    return image
  }

  #take(chunk: Buffer): void {
    this.#output.push(chunk)
    this.#outputSize += chunk.byteLength
    if (this.#outputSize > maxOutput) this.kill(refused(`its variant has more than ${maxOutput} bytes`))
    this.#onOutput()
  }

  #receive(message: WorkerMessage): void {
    if (message?.kind === 'exceeded') this.kill(refused('it needs more memory than maxMemory'))
    else this.#onMessage(message)
  }

  #message(): Promise<WorkerMessage> {
    return new Promise((resolve) => {
      this.#onMessage = resolve
    })
  }

  #broken(): unknown {
    const error = refused('the decoder sent an invalid answer')
    this.kill(error)
    return error
  }

  /** Settles with the first of: the result, the end of the process, the timeout. */
  async #during<T>(result: Promise<T>, time: number, tooLong: () => unknown): Promise<T> {
    const lost = new Promise<never>((_resolve, reject) => {
      this.#lose = reject
    })
    if (this.#over) this.#lose(this.#over.error)
    const timer = setTimeout(() => this.kill(tooLong()), time)
    try {
      return await Promise.race([result, lost])
    } finally {
      clearTimeout(timer)
      this.#lose = () => {}
      result.catch(() => {})
    }
  }

  /** An idle process must not keep the server's process alive. */
  #hold(busy: boolean): void {
    const { channel, stdin, stdout } = this.#child
    for (const one of [this.#child, channel, stdin, stdout] as (
      | { ref?(): void; unref?(): void }
      | null
      | undefined
    )[]) {
      if (busy) one?.ref?.()
      else one?.unref?.()
    }
  }
}

function startFailed(why: string, cause?: unknown): unknown {
  return failed(`The process that decodes images could not be started: ${why}`, true, cause)
}
