import { fake } from './fake.mjs'

const block = Buffer.alloc(1024 * 1024, 1)

export default fake(async () => {
  for (let i = 0; i < 500; i++) {
    if (!process.stdout.write(block)) await new Promise((resolve) => process.stdout.once('drain', resolve))
  }
})
