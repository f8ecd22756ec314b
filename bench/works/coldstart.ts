import type { Work } from '#bench/work.ts'
export const coldstart: Work = { name: 'coldstart', title: '', run: async () => [] }
