import { bun, deno, denoOptions, toolchains } from './toolchains.ts'
import { type Check, run } from './workshop.ts'

export const hosts: Check = {
  name: 'a PDS serves blobs on NestJS, from CommonJS, on Bun and on Deno',
  async run(workshop) {
    const folder = await toolchains(workshop)
    const printed = [
      await run(process.execPath, ['nest.mjs'], folder),
      await run(process.execPath, ['commonjs.cjs'], folder),
      await run(bun(folder), ['runtime.mjs'], folder),
      await run(deno(folder), ['run', ...denoOptions, 'runtime.mjs'], folder),
    ].map((text) => text.trim().split('\n').join(', '))
    const expected = ['NestJS', 'require() with Express', 'node:http, Bun.serve', 'node:http, Deno.serve']
    if (printed.join() !== expected.join()) throw new Error(`Printed ${printed.join('; ')}`)
    return printed.join('; ')
  },
}
