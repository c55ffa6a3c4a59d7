import { expect, test } from 'vitest'
import { runTrial } from '../trials/run-trial.ts'

// Uploads over tus through cut connections, to a server that is killed: see test/trials/resume/resume.ts.

test('of resumed uploads no acknowledged byte is lost, and nothing is left', async () => {
  const { status, output } = await runTrial('resume', 5, '--uploads', '60')
  expect(output).toMatch(/server killed [1-9]/)
  expect(status).toBe(0)
})

test('a server that acknowledges bytes before they are stored is found out', async () => {
  const { status, output } = await runTrial('resume', 5, '--uploads', '60', '--break', 'early')
  expect(output).toMatch(/bytes were acknowledged, and now there are/)
  expect(status).toBe(1)
})

test('expired uploads that stay are found', async () => {
  const { status, output } = await runTrial('resume', 5, '--uploads', '40', '--break', 'keep')
  expect(output).toContain('resumable uploads that are never over')
  expect(status).toBe(1)
})
