import type { Work } from '#bench/work.ts'
export const memory: Work = { name: 'memory', title: '', run: async () => [] }
