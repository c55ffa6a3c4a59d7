import { fake } from './fake.mjs'

const taken = []

export default fake(async () => {
  while (true) {
    taken.push(Buffer.alloc(8 * 1024 * 1024, 1))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
})
