import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifest, project } from '../check-package/workshop.ts'
import { sbom } from './sbom.ts'

// npm run sbom: writes the list of what is installed with the package, for the release on GitHub. Prints its name.

const file = `${manifest.name}-${manifest.version}.cdx.json`
writeFileSync(join(project, file), `${JSON.stringify(sbom(), null, 2)}\n`)
console.log(file)
