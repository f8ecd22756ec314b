import type { Work } from '#bench/work.ts'
export const w2b: Work = { name: 'w2b', title: '', run: async () => [] }
