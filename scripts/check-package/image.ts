import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { makeStore } from '../record-cli/store.ts'
import { type Check, manifest, project, run } from './workshop.ts'

interface Instruction {
  name: string
  rest: string
}

/** The instructions of each stage, in order. */
function stagesOf(dockerfile: string): Instruction[][] {
  const lines = dockerfile
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
  const stages: Instruction[][] = []
  for (const line of lines.filter((line) => line.trim() !== '')) {
    const [, name = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    if (name === 'FROM') stages.push([])
    stages.at(-1)?.push({ name, rest })
  }
  return stages
}

export const image: Check = {
  name: 'the steps of the Dockerfile’s image, without docker: the command line opens a store',
  async run(workshop) {
    const stages = stagesOf(readFileSync(join(project, 'Dockerfile'), 'utf8'))
    const [build = [], final = []] = stages
    if (stages.length !== 2) throw new Error(`This check knows two stages, and the Dockerfile has ${stages.length}`)
    for (const command of ['npm ci', 'npm run build', 'npm pack']) {
      if (!build.some(({ name, rest }) => name === 'RUN' && rest.includes(command))) {
        throw new Error(`Its first stage does not run ${command}`)
      }
    }
    // The root of the image: every absolute path in it is below this folder.
    const root = join(workshop.folder, 'image')
    const inRoot = (text: string) => text.replaceAll(/(?<![\w.@/])\/(?=packed|app|data)/g, `${root}/`)
    for (const folder of ['packed', 'app', 'data']) mkdirSync(join(root, folder), { recursive: true })
    copyFileSync(workshop.tarball, join(root, 'packed', basename(workshop.tarball)))

    const of = (name: string) => final.filter((one) => one.name === name).map(({ rest }) => rest)
    if (of('COPY').join() !== '--from=build /packed /packed')
      throw new Error('Its second stage copies more than /packed')
    for (const command of of('RUN')) await run('sh', ['-c', inRoot(command)], join(root, 'app'))
    if (!of('USER').includes('node')) throw new Error('It runs as root: set USER node')

    const path = / PATH=(\S+)/.exec(inRoot(of('ENV').join(' ')))?.[1]?.replace('$PATH', process.env.PATH ?? '') ?? ''
    const [entry = ''] = JSON.parse(of('ENTRYPOINT')[0] ?? '[]') as string[]
    const inImage = (...args: string[]) => run(entry, args, join(root, 'data'), { PATH: path })
    const version = (await inImage('--version')).trim()
    if (version !== manifest.version) throw new Error(`It has version ${version}, not ${manifest.version}`)
    await inImage(...(JSON.parse(of('CMD')[0] ?? '[]') as string[]))
    await makeStore(join(root, 'data'))
    const stats = JSON.parse(await inImage('stats', '--json', '--disk', 'blobs', '--sqlite', 'blobs.sqlite'))
    if (stats.storedCount !== 35) throw new Error(`It sees ${stats.storedCount} objects in a store of 35`)
    // Both are in the image: without them the message would ask to install them.
    for (const name of ['@aws-sdk/client-s3', 'pg']) {
      await run('node', ['--input-type=module', '--eval', `await import('${name}')`], join(root, 'app'))
    }
    const size = (await run('du', ['-sm', join(root, 'app')])).split('\t')[0]
    return `${entry} ${version}, ${size} MB beside Node`
  },
}
