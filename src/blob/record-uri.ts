// The grammar of the names in the URI of a record. https://atproto.com/specs/nsid, https://atproto.com/specs/record-key

/** The longest NSID, in characters: a domain of 253, a dot, and a name of 63. */
const longestNsid = 317

const first = '[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const middle = String.raw`\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?`
const name = String.raw`\.[a-zA-Z][a-zA-Z0-9]{0,62}`

/** The name of a collection, or of a type of spaces, as part of a larger expression. */
export const nsidPattern: string = `(?=[^/]{5,${longestNsid}}(?:/|$))${first}(?:${middle})+${name}`

/** A record key, or the key of a space, as part of a larger expression. */
export const keyPattern: string = String.raw`(?!\.{1,2}(?:/|$))[A-Za-z0-9._:~-]{1,512}`

const pathGrammar = new RegExp(`^${nsidPattern}/${keyPattern}$`)

/** Whether `path` is `{collection}/{record key}`, as every record of a repository has. */
export function isRecordPath(path: string): boolean {
  return pathGrammar.test(path)
}

const internalGrammar = new RegExp(String.raw`^pds-blobstore\.[a-z]+/${keyPattern}$`)

/** The public collections of the library's own references. No record's is named so: an NSID has three parts. */
export const internalCollection = (name: 'pin' | 'import'): string => `pds-blobstore.${name}`

export function isInternalPath(path: string): boolean {
  return internalGrammar.test(path)
}
