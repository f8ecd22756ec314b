import type { Work } from '#bench/work.ts'
export const w3: Work = { name: 'w3', title: '', run: async () => [] }
