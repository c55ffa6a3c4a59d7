import { takeTasks } from './images/pool/worker.ts'

// The process that decodes images. Only for images/pool/worker-process.ts, which starts it.
void takeTasks(JSON.parse(process.argv[2] ?? '{}'))
