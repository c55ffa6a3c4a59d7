import fc from 'fast-check'
import { expect, test } from 'vitest'
import { alice } from '../support/samples.ts'
import { type Command, type Outcome, Subject } from './command.ts'
import { someCommand } from './commands.ts'
import { Model } from './model.ts'
import { memoryPlace } from './places.ts'
import { replayed, settings } from './property.ts'

// Alice lives the same life twice, among others and alone, and must see the same: every answer, and after each her
// account's usage. Fails when bytes that another account has are stored, charged or kept in a visible way.

test('what one account sees does not depend on what others do', async () => {
  const life = fc.array(fc.oneof(...someCommand), { maxLength: 60, size: 'max' })
  const property = fc.asyncProperty(life, async (commands) => {
    const alone = commands.filter(({ did }) => did === undefined || did === alice)
    expect(await seenByAlice(commands)).toEqual(await seenByAlice(alone))
  })
  await fc.assert(property, replayed(60))
}, 120_000)

async function seenByAlice(commands: readonly Command[]): Promise<unknown[]> {
  const place = await memoryPlace(settings)
  const subject = await Subject.at(place)
  const model = new Model(place.clock)
  const seen: { command: string; outcome: Outcome; usage: object }[] = []
  try {
    for (const command of commands) {
      const outcome = await command.ask(model, subject)
      const { pending: _, ...usage } = await subject.blobs.usage(alice)
      if (command.did === alice) seen.push({ command: `${command}`, outcome, usage })
    }
    return seen
  } finally {
    await subject.blobs.close()
    await place.remove()
  }
}
