import { describe } from 'vitest'
import { describeContract } from '../contract-cases.ts'
import { describeWithPds, Network, wheres } from './network.ts'

describeWithPds('in a real PDS', () => {
  const classes = async () => (await import('./host-classes.ts')).BlobNotFoundError

  describe.each(wheres)('the attached store, its bytes %s, keeps the contract:', (where) => {
    const network = new Network(where)
    let pds: ReturnType<Network['pds']> | undefined
    describeContract(async () => {
      pds ??= network.pds()
      const { ctx } = (await pds).pds
      return { blobstore: ctx.actorStore.resources.blobstore as never, BlobNotFoundError: await classes() }
    })
  })

  // The omitted cases are those where this package does better. It shows that the cases require no more than the
  // contract.
  describe('the PDS’s own store on disk keeps it where the cases do not say strict:', () => {
    const network = new Network()
    let pds: ReturnType<Network['pds']> | undefined
    describeContract(
      async () => {
        pds ??= network.pds({ attach: false })
        const { ctx } = (await pds).pds
        return { blobstore: ctx.actorStore.resources.blobstore as never, BlobNotFoundError: await classes() }
      },
      { lenient: true },
    )
  })
})
