import { Option } from 'commander'
import { type BlobCid, isBlobCid } from '../blob/cid.ts'
import { isDid } from '../blob/identifiers.ts'
import { type ParsedOptions, UsageError } from './command.ts'

// The arguments of commands about one blob, or one account.

type Argument = readonly [name: string, description: string]

export const accountArgument: Argument = ['<account>', 'the DID of the account']
export const accountOrAllArgument: Argument = ['<account>', "the DID of the account, or '*' for all"]
export const cidArgument: Argument = ['<cid>', 'the CID of the blob']

export const by: Option = new Option('--by <name>', 'who asked for it, for the record')

/** @throws `UsageError` */
export function accountIn(given: ParsedOptions): string {
  const account = String(given.account)
  if (!isDid(account)) throw new UsageError(`Not a DID: ${account}. Expected one as did:plc:…`)
  return account
}

/** @throws `UsageError` */
export function accountOrAll(given: ParsedOptions): string {
  const account = String(given.account)
  if (account !== '*' && !isDid(account)) throw new UsageError(`Neither a DID nor '*': ${account}`)
  return account
}

/** @throws `UsageError` */
export function cidIn(given: ParsedOptions): BlobCid {
  const cid = String(given.cid)
  if (!isBlobCid(cid)) throw new UsageError(`Not the CID of a blob: ${cid}`)
  return cid
}

export const whose = (account: string): string => (account === '*' ? 'all accounts' : account)

export const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : String(value))
