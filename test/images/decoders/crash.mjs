import { fake } from './fake.mjs'

export default fake(() => process.abort())
