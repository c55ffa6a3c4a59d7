import { rmSync, symlinkSync } from 'node:fs'

// This example has a package.json of its own, and so does not find the package that it is an example of by its name.
const link = new URL('node_modules/pds-blobstore', import.meta.url)
rmSync(link, { force: true })
symlinkSync('../../..', link, 'dir')
