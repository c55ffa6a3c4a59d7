import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { moveInAndBack } from '../../transfer/moved-and-back.ts'
import { describeWithPds, Network, Person, settled } from './network.ts'

// Fails when a blob is lost or changed without a report.

describeWithPds('the data of a real PDS, spoiled in many ways,', () => {
  const network = new Network()

  test('222 blobs of 10 accounts of a real PDS are imported and exported, and every difference is reported', {
    timeout: 300_000,
  }, async () => {
    const dir = await network.folder()
    const own = await network.pds({ dir, attach: false })
    const people: Person[] = []
    for (let n = 0; n < 10; n++) people.push(await new Person(own.url).signUp())
    for (let n = 0; n < 222; n++) {
      const person = people[n % 10] as Person
      const blob = await person.upload(randomBytes(50 + n * 7))
      if (n % 11 === 3) continue // temporary
      await person.write(blob)
      if (n % 13 === 5) await person.takedown(blob, true)
    }
    await settled(own)
    await own.close()
    expect(await moveInAndBack(join(dir, 'its-own-blobs'), join(dir, 'actors'), 'store')).toBe(222)
  })
})
