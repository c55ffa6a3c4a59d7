import { type Owner, storeIn } from './place.ts'

// To the file, a command of the command line is another process that opens the store, and closes it.

const [folder = '', owner = ''] = process.argv.slice(2)
const blobs = storeIn(folder, owner as Owner)
await blobs.stats()
await blobs.close()
process.exit() // with the database of the host, where it is the host's
