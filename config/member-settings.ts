/** What a node brings to a realm of several, and how soon it notices that another one is gone. */
import { setting, settingFrom, type Setting } from './setting.ts'
import { count, duration, list, shareOr, text } from './value-type.ts'

const second = 1_000
const minute = 60 * second

export const memberSettings = {
  capacity: settingFrom(
    count({ min: 0, max: 10_000 }),
    ({ cores }) => cores,
    'Relative to the other nodes; a core counts one. 0 owns nothing, but may run effects and stand by for nobody.',
  ),
  labels: setting(
    list(text('a name such as gpu or region-eu', /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/), { mayBeEmpty: true }),
    [],
    'What is here and not elsewhere: effects that name a label run on nodes that carry it.',
    { flag: 'label' },
  ),
  'rollout.share': setting(
    shareOr('auto'),
    'auto',
    'How much of the realm a version gets that this node brings first: auto follows the capacity of the nodes that carry it; 0.1 begins with a tenth and waits for perdure rollout advance.',
  ),
  'members.beatMs': setting(
    duration({ min: 0, max: minute }),
    150,
    'Each node tells the others so often that it lives. 0: it is alone and takes everything at once.',
  ),
  'members.suspectMs': setting(
    duration({ min: 50, max: 10 * minute }),
    500,
    'Silent for so long, a node is asked; when nobody answers for it, its partitions are taken over. A wrong guess costs a detour, never a double.',
  ),
  'members.deadMs': setting(
    duration({ min: 100, max: 10 * minute }),
    1_500,
    'Silent for so long, a node is given up even though its connection stands: it stands still, or is cut off.',
  ),
  'handOver.graceMs': setting(
    duration({ min: 0, max: minute }),
    300,
    'What a partition that moves may take to commit what it has stepped.',
  ),
  'handOver.most': setting(
    count({ min: 1, max: 1024 }),
    4,
    'Partitions that move at a time: each stands still for a moment.',
  ),
  'claim.most': setting(
    count({ min: 1, max: 1024 }),
    64,
    'Partitions that are claimed at a time: they share one reading of the log.',
  ),
} as const satisfies Record<string, Setting<unknown>>
