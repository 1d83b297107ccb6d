// REPLICAS: who shares the store.
import { columns, type Topic } from './topic.ts'

export const replicas: Topic = {
  columns: columns(
    'replica',
    'node',
    'version',
    'address',
    'state',
    ['started', 'timestamptz'],
    ['seen', 'timestamptz'],
    ['sessions', 'int4'],
    ['catalog_version', 'int8'],
    ['self', 'bool'],
  ),
  show: async (fleet) => ({
    rows: (await fleet.replicas()).map((one) => [
      ...[one.replica, one.node, one.version, one.address, one.state],
      ...[Math.round(one.startedAtMs), Math.round(one.seenAtMs)],
      ...[one.sessions, one.catalogVersion, one.isSelf],
    ]),
  }),
}
