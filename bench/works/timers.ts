import type { Work } from '#bench/work.ts'
export const timers: Work = { name: 'timers', title: '', run: async () => [] }
