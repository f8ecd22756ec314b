import type { Work } from '#bench/work.ts'
export const start: Work = { name: 'start', title: '', run: async () => [] }
