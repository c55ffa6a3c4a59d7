import { parentPort, workerData } from 'node:worker_threads'
import type { LifeOptions } from './life.ts'
import { simulate } from './simulate.ts'

/** Every `stride`-th seed. */
export interface Share {
  from: number
  before: number
  stride: number
  options: LifeOptions
}

const { from, before, stride, options } = workerData as Share
for (let seed = from; seed < before; seed += stride) parentPort?.postMessage(await simulate(seed, options))
