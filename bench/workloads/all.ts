import { collecting } from './collect.ts'
import { httpWorkloads } from './http.ts'
import { largeStores } from './large-store.ts'
import { manyRecords } from './many-records.ts'
import { memoryWorks } from './memory.ts'
import { mixes } from './mix.ts'
import { packageWorks } from './package.ts'
import { postgresWorks } from './postgres.ts'
import { reads } from './read.ts'
import { s3Works } from './s3.ts'
import { spaces } from './spaces.ts'
import { streams } from './stream.ts'
import { uploads } from './upload.ts'
import type { Workload } from './workload.ts'

export const workloads: readonly Workload[] = [
  ...uploads,
  ...streams,
  ...reads,
  ...httpWorkloads,
  ...mixes,
  ...memoryWorks,
  ...largeStores,
  ...collecting,
  ...manyRecords,
  ...spaces,
  ...s3Works,
  ...postgresWorks,
  ...packageWorks,
]
