import { describe } from 'vitest'
import { describeContract } from '../contract-cases.ts'
import { describeWithPds, Network } from './network.ts'

describeWithPds('in a real PDS', () => {
  const network = new Network()
  const classes = async () => (await import('./host-classes.ts')).BlobNotFoundError

  describe('the attached store keeps the contract:', () => {
    let pds: ReturnType<Network['pds']> | undefined
    describeContract(async () => {
      pds ??= network.pds()
      const { ctx } = (await pds).pds
      return { blobstore: ctx.actorStore.resources.blobstore as never, BlobNotFoundError: await classes() }
    })
  })

  // What is left out there is what we do better. It shows that the cases ask for no more than the contract.
  describe('the PDS’s own store on disk keeps it where the cases do not say strict:', () => {
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
