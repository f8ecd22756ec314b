/** The fixed sizes of the protocol: what every node and every client must agree on for ever. */
export const limits = {
  /** A key is one subject token; 128 bytes stay short even when each is escaped to three. */
  keyBytes: 128,
  /** Entries of one atomic batch, given by the server; one is kept for the record. */
  batchEntries: 1000,
  /** Of a whole address: a key of the store, and part of a subject, with room for children of children. */
  addressChars: 1800,
  /** Values nested deeper than this cannot be stored, so nobody may send them. */
  nestedMost: 1000,
  /** Parts of an event, each counted as often as it is named: more than its bytes have only by naming some again. */
  partsMost: 100_000,
  /** The type of an emitted event is part of a subject, and a longer one ends the connection. */
  emittedChars: 256,
  /** Of an event from outside: its type stands in every record and history of the step. */
  typeChars: 256,
  /** An id that a sender gives is kept by the actor for a day. */
  idChars: 256,
  /** No client sends an event again after this long: what one of ours waits for an acknowledgement, and some. */
  resendMs: 900_000,
  /** A kind's name is one subject token. */
  kindChars: 64,
  /** A client's name is one subject token of `re.<client>.<id>`. */
  clientChars: 64,
} as const
