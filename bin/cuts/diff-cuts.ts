/** `perdure cut diff`: what became of the actors between two cuts. */
import type { Call } from '#bin/command.ts'
import { countsText, tellDifferences } from '#bin/tell-differences.ts'
import type { ActorDifference } from '#runtime/cuts/reading/diff-cuts.ts'
import { parseAddress } from '#protocol/address.ts'
import { wordsOf } from './verb-words.ts'

const shownMost = 50

export async function diffCuts(call: Call, words: readonly string[]): Promise<void> {
  const [a = '', b = 'last'] = wordsOf(words.length === 1 ? [...words, 'last'] : words, 'diff', [
    'two cuts, the older first',
    'a second cut',
  ])
  const { cuts } = await call.realm()
  const text = call.text('address')
  const address = text === undefined ? undefined : parseAddress(text)
  const most = call.count('limit', shownMost) || Infinity
  const differences = cuts.diff(a, b, { kind: call.text('kind'), address })
  const counts = await tellDifferences(call, differences, { most, jsonOf })
  if (call.json) return call.out.json({ is: 'sum', ...counts })
  const newest = b === 'last' ? (await cuts.list()).findLast(({ state }) => state === 'whole') : undefined
  const isItself = a === 'last' || a === newest?.id || a === newest?.name
  const same = isItself ? `${a} is the newest cut itself: "perdure cut take" makes one of now.` : 'No actor differs.'
  call.out.line(countsText(counts) ?? same)
}

function jsonOf({ address, is, paths, count }: ActorDifference): object {
  return is === 'changed' ? { is, address, paths, count } : { is, address }
}
