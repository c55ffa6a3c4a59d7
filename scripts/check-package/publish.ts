import { type Check, manifest, project, run } from './workshop.ts'

export const publish: Check = {
  name: 'npm would publish it as it is: a dry run, public, with provenance',
  async run({ files }) {
    const { access, provenance } = manifest.publishConfig ?? {}
    if (access !== 'public' || provenance !== true) {
      throw new Error('publishConfig of package.json must have "access": "public" and "provenance": true')
    }
    // Both streams: npm says only in a warning that it changed the manifest.
    const said = await run('sh', ['-c', 'npm publish --dry-run --ignore-scripts --json 2>&1'], project)
    const corrected = said.match(/auto-corrected[\s\S]*?(?=\n(?!npm warn)|npm warn publish This)/)?.[0]
    if (corrected)
      throw new Error(
        `npm would publish another package.json. Run \`npm pkg fix\`, and look at its changes:\n${corrected}`,
      )
    const json = said.slice(said.indexOf('\n{\n') + 1, said.lastIndexOf('}') + 1)
    const about: { id: string; files: { path: string }[] } = Object.values(JSON.parse(json))[0] as never
    if (about.id !== `${manifest.name}@${manifest.version}`) throw new Error(`npm would publish ${about.id}`)
    if (about.files.length !== files.length) {
      throw new Error(`npm would publish ${about.files.length} files, and the tarball checked here has ${files.length}`)
    }
    return `${about.id}, ${about.files.length} files`
  },
}
