/** What one way of getting a server came to, and how much it is to tell while it works. */

export type FetchResult =
  /** `stays`: another program looks after it where it is. */
  | { readonly is: 'fetched'; readonly binary: string; readonly stays: boolean }
  /** Told when no other way worked. */
  | { readonly is: 'failed'; readonly reason: string }

export function failedFetch(reason: string): FetchResult {
  return { is: 'failed', reason }
}

export function megabytesOf(bytes: number | undefined): string {
  return bytes === undefined ? 'the server' : `${(bytes / 1_000_000).toFixed(1)} MB`
}
