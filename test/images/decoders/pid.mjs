import { fake } from './fake.mjs'

export default fake(async () => Buffer.from(String(process.pid)))
