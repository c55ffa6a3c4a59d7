import { WorkerProcess } from '../../src/images/pool/worker-process.ts'

// Starts a decoder, sends the parent its process id, and waits to be killed.
const worker = new WorkerProcess({ sharp: process.argv[2] ?? '', maxMemory: 2 ** 30, maxPixels: 1 })
await worker.start()
const recipe = { width: 1, height: 1, fit: 'inside', format: 'webp', quality: 80 } as const
const shown = { kind: 'png', width: 1, height: 1 } as const
async function* read() {
  yield Buffer.from('?')
}
const pid = await worker.run({ size: 1, recipe, shown, read: async () => read() }, 10_000, new AbortController().signal)
process.send?.(Number(Buffer.from(pid).toString()))
