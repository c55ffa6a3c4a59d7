import type { StoreCommand } from './command.ts'
import { backup } from './commands/backup.ts'
import { check } from './commands/check.ts'
import { collect } from './commands/collect.ts'
import { exportCommand } from './commands/export.ts'
import { importCommand } from './commands/import.ts'
import { migrate } from './commands/migrate.ts'
import { recover } from './commands/recover.ts'
import { scrub } from './commands/scrub.ts'
import { stats } from './commands/stats.ts'
import { sweep } from './commands/sweep.ts'

/** In the order of the help. */
export const commands: readonly StoreCommand[] = [
  check,
  stats,
  collect,
  sweep,
  scrub,
  backup,
  recover,
  migrate,
  importCommand,
  exportCommand,
]
