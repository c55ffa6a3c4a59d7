/** What the bytes say that a file is. */
export interface Finding {
  /** The type by which it is known, in the sniffer's spelling; null when nothing is known. */
  readonly sniffed: string | null
  /** What else it may honestly be called: other brands that it names, formats that cannot be told apart by the head. */
  readonly also: readonly string[]
}
