import { fake } from './fake.mjs'

// Returns its input, after a while.
export default fake(async (input) => {
  await new Promise((resolve) => setTimeout(resolve, 300))
  return input
})
