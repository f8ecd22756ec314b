/** The configuration of another realm on the same servers. */
import type { Config } from './open-config.ts'

/** How many partitions it has is its own affair. */
export function configOfRealm(config: Config, realm: string): Config {
  return {
    ...config,
    cluster: { ...config.cluster, realm },
    isSet: (name) => name !== 'partitions' && config.isSet(name),
  }
}
