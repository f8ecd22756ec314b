/**
 * The views that are open, and whether the store may be read at all. It serves the clause "LMDB
 * follows the log". Invariant: no view outlives its environment (LMDB would end the process), and
 * nothing is read any more from a store that is known to be damaged.
 */
import { Fault } from '#protocol/fault.ts'
import type { Tables, View } from './tables.ts'

export type Views = {
  /** Throws when the store is closed or damaged. */
  check(): void
  open(): View
  close(view: View): void
  within<T>(read: (view: View) => T): T
  fail(fault: Fault): void
  end(): void
}

export function viewsOf(tables: Tables, dir: string): Views {
  const open = new Set<View>()
  let isClosed = false
  let failure: Fault | undefined
  const views: Views = {
    check() {
      if (isClosed) throw new Fault('store.closed', { value: dir })
      if (failure !== undefined) throw failure
    },
    /** Nothing is read any more from a store that is known to be damaged. */
    fail(fault: Fault) {
      if (!isClosed) failure = fault
    },
    open() {
      views.check()
      const view = tables.view()
      open.add(view)
      return view
    },
    close(view: View) {
      if (open.delete(view)) view.done()
    },
    within<T>(read: (view: View) => T): T {
      const view = views.open()
      try {
        return read(view)
      } finally {
        views.close(view)
      }
    },
    end() {
      isClosed = true
      for (const view of open) view.done()
      open.clear()
    },
  }
  return views
}
