/** `perdure repartition`: another number of partitions, by a cut and its restore in one. */
import type { Command } from '#bin/command.ts'
import { plural } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { partitionsMost } from '#bin/restore/partitions.ts'
import { isAgreed } from '#bin/restore/ask-yes.ts'
import { progressOf } from '#bin/restore/progress.ts'
import { openRestoreDesk } from '#bin/restore/restore-desk.ts'

export const command: Command = {
  name: 'repartition',
  title: 'changes the number of partitions, by a cut and its restore',
  usage: ['<n> [--yes]'],
  about: [
    'The number of partitions bounds how many nodes can share a realm, and is fixed when it is made. This takes a cut, restores it into so many partitions, and delivers again what came from outside meanwhile; the nodes go on by themselves. The realm stands still while it is restored.',
    'Effects that end between the cut and the restore run again, as after any restore. Programs that hold the realm open are told realm.moved, and open it anew. A number that stands in a configuration (partitions) must be changed there, too.',
  ],
  examples: ['repartition 64', 'repartition 8 --yes --json'],
  flags: { yes: { type: 'yes', about: 'Does not ask.' } },
  settings: 'all',
  json: '{"cut","generation","partitions","actors","envelopes","replayed"}',
  async run(call) {
    const [wanted = '', extra] = call.words
    if (!/^[1-9]\d{0,4}$/.test(wanted) || Number(wanted) > partitionsMost || extra !== undefined)
      throw wrong(command, `Say one number of partitions, at most ${partitionsMost}, for example "repartition 64".`)
    const partitions = Number(wanted)
    const realm = await call.realm()
    if (realm.partitions === partitions)
      throw wrong(command, `The realm ${realm.name} has ${partitions} partitions already.`)
    const question = `${realm.name} has ${plural(realm.partitions, 'partition')}; restore it into ${partitions}?`
    if (!(await isAgreed(call, question, command))) return 1
    const { id, whole } = await realm.cuts.take({ name: `repartition-${partitions}`, by: 'repartition' })
    await whole
    if (!call.json) call.out.note(`cut ${id} is whole`)
    await using desk = await openRestoreDesk(call.config)
    const view = await desk.openStored(id)
    const options = { partitions, replay: () => desk.came(view) }
    const restored = await desk.restore(view, options, progressOf(call))
    if (call.json) call.out.json({ cut: id, ...restored })
    else
      call.out.line(
        `${realm.name} has ${partitions} partitions now, as generation ${restored.generation}: ${plural(restored.actors, 'actor')}, ${plural(restored.replayed, 'event')} delivered again`,
      )
    return 0
  },
}
