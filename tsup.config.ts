import { defineConfig } from 'tsup'

// Declarations come from `tsc` (tsconfig.build.json): TypeScript 7 has no API for a bundler to make them.
export default defineConfig({
  entry: [
    'src/index.ts',
    'src/http.ts',
    'src/express.ts',
    'src/s3.ts',
    'src/pds.ts',
    'src/register.ts',
    'src/import.ts',
    'src/export.ts',
    'src/testing.ts',
    'src/images.ts',
    'src/images-worker.ts', // no entry of the package: the program of a process
    'src/checkpoint-worker.ts', // nor these two: of threads
    'src/backup-worker.ts',
    'src/reader-worker.ts', // nor this one: of a process
    'src/cli.ts',
  ],
  format: 'esm',
  target: 'node22',
  splitting: true, // one copy of the error class for all entries
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
})
