import { fake } from './fake.mjs'

// Echoes what it was given, after a while.
export default fake(async (input) => {
  await new Promise((resolve) => setTimeout(resolve, 300))
  return input
})
