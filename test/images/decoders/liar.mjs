import { fake } from './fake.mjs'

process.stdout.write('unasked')

export default fake((input) => input)
