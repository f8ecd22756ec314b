import type { Work } from '#bench/work.ts'
export const fold: Work = { name: 'fold', title: '', run: async () => [] }
