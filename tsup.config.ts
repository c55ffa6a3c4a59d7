import { defineConfig, type Options } from 'tsup'

const common: Options = {
  format: 'esm',
  target: 'node22',
  removeNodeProtocol: false,
  external: ['better-sqlite3'], // tsup leaves out dependencies, and forgets the optional ones
}

// Declarations come from `tsc` (tsconfig.build.json): TypeScript 7 has no API for a bundler to make them.
export default defineConfig([
  {
    ...common,
    entry: [
      'src/index.ts',
      'src/http.ts',
      'src/express.ts',
      'src/tus.ts',
      'src/inspect.ts',
      'src/privacy.ts',
      'src/s3.ts',
      'src/object-backend.ts',
      'src/pds.ts',
      'src/register.ts',
      'src/import.ts',
      'src/export.ts',
      'src/testing.ts',
      'src/images.ts',
      'src/metrics.ts',
      'src/cli.ts',
    ],
    sourcemap: true,
    splitting: true, // one copy of the error class for all entries
  },
  {
    ...common,
    // No entries of the package: the programs of threads and processes (src/programs.ts). Each is one file, and is an ES
    // module by its name, so that it runs in whatever folder a bundler copies it to.
    entry: ['src/backup-worker.ts', 'src/checkpoint-worker.ts', 'src/images-worker.ts', 'src/reader-worker.ts'],
    splitting: false,
    sourcemap: false, // it would not be copied
    outExtension: () => ({ js: '.mjs' }),
  },
])
