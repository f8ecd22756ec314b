/** What a conversation of 1,000 turns costs on the log and in the store, against the text in it. */
import { partitionOf } from '#protocol/partition.ts'
import { requireEqual, type Work } from '#bench/work.ts'

export const conversation: Work = {
  name: 'conversation',
  title: 'bytes of a conversation of 1,000 turns, against its raw text',
  async run({ quick, openGround, note }) {
    await using ground = await openGround()
    const turns = turnsOf(quick ? 100 : 1_000)
    const text = turns.reduce((sum, turn) => sum + new TextEncoder().encode(turn.text).length, 0)
    const node = await ground.openNode()
    const sender = await ground.openSender()
    await using realm = await ground.openRealm()
    await node.call('drained', null)
    const before = await node.call('storeBytes', null)
    // Each turn waits for the one before, so each is a commit of its own.
    for (let at = 0; at < turns.length; at++) {
      await sender.call('say', { key: 'one', turns: turns.slice(at, at + 1) })
      await node.call('steps', at + 1)
    }
    await node.call('drained', null)
    const stored = (await node.call('storeBytes', null)) - before
    const log = await node.call('logBytes', partitionOf('conversation/one', realm.partitions))

    const actor = await realm.operate.show('conversation/one')
    const said = (actor?.state.snapshot.context as { readonly turns: readonly { readonly text: string }[] } | undefined)
      ?.turns
    requireEqual('turns', said?.length ?? 0, turns.length)
    requireEqual(
      'turns as they were said',
      turns.filter((turn, at) => said?.[at]?.text === turn.text).length,
      turns.length,
    )
    note(
      `  ${text} bytes of text in ${turns.length} turns; ${log.recordCount} records of ${log.records} bytes in all (the envelopes themselves: ${log.mailbox}), ${stored} bytes in the store`,
    )
    return [
      { value: log.records / text, unit: 'x text', better: 'less', target: 1.3 },
      { part: 'store', value: stored / text, unit: 'x text', better: 'less', target: 1.3 },
    ]
  },
}

const words =
  'the a we it and so if then model agent tool result plan next because check again found value order time answer question because however'.split(
    ' ',
  )

/** A person says a sentence or two, a model a few paragraphs: 700 bytes on average. */
function turnsOf(count: number): { who: string; text: string }[] {
  return Array.from({ length: count }, (_, at) => {
    const isPerson = at % 2 === 0
    const length = isPerson ? 20 + ((at * 7) % 31) : 150 + ((at * 13) % 101)
    const text = Array.from(
      { length },
      (_, word) => words[(at * 31 + word * 17 + ((word * at) % 7)) % words.length],
    ).join(' ')
    return { who: isPerson ? 'user' : 'assistant', text: `${at}: ${text}` }
  })
}
