import type { Work } from '#bench/work.ts'
export const conversation: Work = { name: 'conversation', title: '', run: async () => [] }
