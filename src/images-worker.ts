import { takeTasks } from './images/pool/worker.ts'

// The process that decodes images. Started by images/pool/worker-process.ts, of no use to anyone else.
void takeTasks(JSON.parse(process.argv[2] ?? '{}'))
