import commonJsPlugin from '@rollup/plugin-commonjs'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import * as esbuild from 'esbuild'
import { rollup } from 'rollup'
import * as vite from 'vite'
import webpack from 'webpack'

/** Its types are those of a CommonJS module, which it is not. */
const commonJs = commonJsPlugin as unknown as typeof commonJsPlugin.default

/** What to bundle: each program in `programs` becomes a file of the same name in `out`. */
export interface Project {
  /** The host's folder. */
  folder: string
  /** Files by the names of their bundles, without the extension. */
  programs: Readonly<Record<string, string>>
  out: string
  /** Packages that stay in node_modules. */
  external: readonly string[]
}

export interface Bundler {
  readonly name: string
  readonly extension: 'mjs' | 'cjs'
  /** Whether it copies the programs of threads and processes by itself. */
  readonly copiesPrograms: boolean
  /** Everything that is not external goes into the bundles. @throws with what the bundler says */
  bundle(project: Project): Promise<void>
}

export const bundlers: readonly Bundler[] = [
  { name: 'webpack', extension: 'mjs', copiesPrograms: true, bundle: (project) => runWebpack(project, 'mjs') },
  {
    name: 'webpack to CommonJS',
    extension: 'cjs',
    copiesPrograms: true,
    bundle: (project) => runWebpack(project, 'cjs'),
  },
  { name: 'esbuild', extension: 'mjs', copiesPrograms: false, bundle: (project) => runEsbuild(project, 'mjs') },
  {
    name: 'esbuild to CommonJS',
    extension: 'cjs',
    copiesPrograms: false,
    bundle: (project) => runEsbuild(project, 'cjs'),
  },
  { name: 'Rollup', extension: 'mjs', copiesPrograms: false, bundle: (project) => runRollup(project, 'mjs') },
  {
    name: 'Rollup to CommonJS',
    extension: 'cjs',
    copiesPrograms: false,
    bundle: (project) => runRollup(project, 'cjs'),
  },
  { name: 'Vite, SSR', extension: 'mjs', copiesPrograms: false, bundle: runVite },
]

async function runWebpack({ folder, programs, out, external }: Project, extension: 'mjs' | 'cjs'): Promise<void> {
  const isModule = extension === 'mjs'
  const compiler = webpack({
    mode: 'production',
    target: 'node22',
    context: folder,
    entry: { ...programs },
    externals: Object.fromEntries(external.map((name) => [name, `${isModule ? 'module-import' : 'commonjs'} ${name}`])),
    output: {
      path: out,
      filename: `[name].${extension}`,
      chunkFilename: `[id].${extension}`,
      ...(isModule ? { module: true, chunkFormat: 'module' } : { library: { type: 'commonjs2' } }),
    },
    experiments: { outputModule: isModule },
    optimization: { minimize: false }, // it takes most of the time, and the others do it
  })
  const stats = await new Promise<webpack.Stats | undefined>((done, fail) => {
    compiler.run((error, stats) => (error ? fail(error) : done(stats)))
  })
  await new Promise((closed) => compiler.close(closed))
  if (stats?.hasErrors()) throw new Error(stats.toString({ all: false, errors: true, warnings: true }))
}

async function runEsbuild({ folder, programs, out, external }: Project, extension: 'mjs' | 'cjs'): Promise<void> {
  await esbuild.build({
    absWorkingDir: folder,
    entryPoints: { ...programs },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node22',
    format: extension === 'mjs' ? 'esm' : 'cjs',
    splitting: extension === 'mjs',
    external: [...external],
    outdir: out,
    outExtension: { '.js': `.${extension}` },
    // In ES modules esbuild has no `require`, which CommonJS packages call for the modules of Node.
    ...(extension === 'mjs' && {
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    }),
    logLevel: 'silent',
  })
}

async function runRollup({ programs, out, external }: Project, extension: 'mjs' | 'cjs'): Promise<void> {
  const bundle = await rollup({
    input: { ...programs },
    external: [...external],
    plugins: [nodeResolve({ exportConditions: ['node'], preferBuiltins: true }), commonJs()],
    logLevel: 'silent',
  })
  await bundle.write({
    dir: out,
    format: extension === 'mjs' ? 'es' : 'cjs',
    entryFileNames: `[name].${extension}`,
    chunkFileNames: `[name]-[hash].${extension}`,
  })
  await bundle.close()
}

async function runVite({ folder, programs, out, external }: Project): Promise<void> {
  await vite.build({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    ssr: { noExternal: true, external: [...external] },
    build: {
      ssr: true,
      outDir: out,
      emptyOutDir: false,
      minify: true,
      rolldownOptions: {
        input: { ...programs },
        output: { entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' },
      },
    },
  })
}
