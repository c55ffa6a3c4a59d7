import { rmSync, symlinkSync } from 'node:fs'

// This example has its own package.json, and so does not find the parent package by its name.
const link = new URL('node_modules/pds-blobstore', import.meta.url)
rmSync(link, { force: true })
symlinkSync('../../..', link, 'dir')
