import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const everywhere = ['friends', 'media', 'scripts', 'walk']
const files: Record<string, string[]> = {
  // Also what only playwright's own protocol can do: a slow line, dark pages, and the dimensions of 290 odd files.
  chromium: ['*'],
  firefox: [...everywhere, 'access', 'keyboard', 'seek'],
  // Over WebDriver, which does not see the system's dialog for files; in a window that is never as narrow as a phone.
  // Without `seek`: on a fast line, WebKitGTK reads a film on from its start until it is where the user wants to be. That it
  // gets there is tested in `media`.
  webkit: everywhere,
}

function projectOf([BROWSER, names]: [string, string[]]): TestProjectInlineConfiguration {
  const include = names.map((name) => `test/browser/${name}.test.ts`)
  return { test: { name: BROWSER, env: { BROWSER }, include, testTimeout: 60_000, hookTimeout: 60_000 } }
}

// The example's page, and media from getBlob, in real browsers: `npm run test:browser`, and CI. In one of them:
// `npm run test:browser -- --project firefox`.
export default defineConfig({
  test: {
    projects: Object.entries(files).map(projectOf),
    // One browser at a time: a second one only makes both slow.
    fileParallelism: false,
  },
})
