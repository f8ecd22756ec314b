import type { Work } from '#bench/work.ts'
export const w2a: Work = { name: 'w2a', title: '', run: async () => [] }
