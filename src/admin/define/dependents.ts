// What names a thing, and would be left without it.
import type { WrittenMap } from '../catalog-home.ts'
import { entriesAt, textAt, textsAt } from './tree.ts'

/** Each in words, for the detail of an error. */
export function dependentsOfGroup(tree: WrittenMap, group: string): readonly string[] {
  return [
    ...entriesAt(tree, 'integrations').flatMap(([name, integration]) => {
      const isDefault = textAt(integration, 'default_group') === group
      const values = entriesAt(tree, 'integrations', name, 'groups_claim_mappings').filter(
        ([key]) => textAt(integration, 'groups_claim_mappings', key) === group,
      )
      return [
        ...(isDefault ? [`SSO integration "${name}" has it as default_group`] : []),
        ...(values.length > 0 ? [`SSO integration "${name}" maps claims to it`] : []),
      ]
    }),
    ...entriesAt(tree, 'connectivity_pools').flatMap(([name, pool]) =>
      textsAt(pool, 'allowed_groups').includes(group)
        ? [`connectivity pool "${name}" has it among allowed_groups`]
        : [],
    ),
    ...['admin_groups', 'stats_groups']
      .filter((key) => textsAt(tree, 'console', key).includes(group))
      .map((key) => `the console has it among ${key}`),
  ]
}

export function dependentsOfIntegration(tree: WrittenMap, integration: string): readonly string[] {
  return [
    ...entriesAt(tree, 'connectivity_pools').flatMap(([name, pool]) =>
      textAt(pool, 'sso_integration') === integration
        ? [`connectivity pool "${name}" has it as sso_integration`]
        : [],
    ),
    ...entriesAt(tree, 'connectivity_pools').flatMap(([name, pool]) =>
      textsAt(pool, 'allowed_integrations').includes(integration)
        ? [`connectivity pool "${name}" has it among allowed_integrations`]
        : [],
    ),
    ...entriesAt(tree, 'databases').flatMap(([name, database]) =>
      textAt(database, 'exchange', 'integration') === integration
        ? [`database "${name}" exchanges tokens by it`]
        : [],
    ),
  ]
}

export function dependentsOfDatabase(tree: WrittenMap, database: string): readonly string[] {
  return entriesAt(tree, 'connectivity_pools').flatMap(([name, pool]) =>
    textsAt(pool, 'allowed_databases').includes(database)
      ? [`connectivity pool "${name}" has it among allowed_databases`]
      : [],
  )
}
