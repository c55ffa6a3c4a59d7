/**
 * - `sniffed`: what the bytes are wins; a declared type that sniffing would have known, but did not find, is refused;
 *   else the declared type stands, and `application/octet-stream` is the last resort.
 * - `agree`: both are known and equal.
 * - `declared`: the declared type stands, unlooked at.
 */
export type MimePolicy = 'sniffed' | 'agree' | 'declared'
