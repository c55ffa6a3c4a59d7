import { fake } from './fake.mjs'

// Never yields, so that nothing in the process can end it.
export default fake(() => {
  while (true);
})
