import { fake } from './fake.mjs'

export default fake(async (input) => input)
