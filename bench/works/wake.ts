import type { Work } from '#bench/work.ts'
export const wake: Work = { name: 'wake', title: '', run: async () => [] }
