import { databasesOfConsole } from '../expand-defaults.ts'
import { namesForPeople } from '../expand-oidc-settings.ts'
import { namesOf } from '../expand-settings.ts'
import { suggestion } from '../nearest-name.ts'
import { quote, type Path } from '../problem.ts'
import type { Finding, View } from './view.ts'

/** Every name that stands for another entry must be the name of one. */
export function* checkReferences(view: View): Generator<Finding> {
  const integrations = [...view.integrations.keys(), ...namesForPeople(view.settings)]
  const groups = [...view.groups.keys()]
  const databases = [...view.databases.keys()]

  for (const [name, integration] of view.integrations) {
    const path = ['integrations', name]
    yield* missing(view, 'group', groups, [...path, 'default_group'], integration.default_group)
    for (const [claim, group] of Object.entries(integration.groups_claim_mappings ?? {})) {
      yield* missing(view, 'group', groups, [...path, 'groups_claim_mappings', claim], group)
    }
  }
  for (const [name, database] of view.databases) {
    const path = ['databases', name]
    for (const [index, integration] of (database.integrations ?? []).entries()) {
      const place = [...path, 'integrations', index]
      yield* missing(view, 'integration', integrations, place, integration)
    }
    const exchange = [...path, 'exchange', 'integration']
    yield* missing(view, 'integration', integrations, exchange, database.exchange?.integration)
  }
  for (const key of ['admin_groups', 'stats_groups'] as const) {
    for (const [index, group] of (view.root.console?.[key] ?? []).entries()) {
      yield* missing(view, 'group', groups, ['console', key, index], group)
    }
  }
  for (const [index, integration] of (view.root.web?.integrations ?? []).entries()) {
    const place = ['web', 'integrations', index]
    yield* missing(view, 'integration', integrations, place, integration)
  }
  for (const [name, pool] of view.pools) {
    const path = ['connectivity_pools', name]
    const interactive = [...path, 'sso_integration']
    yield* missing(view, 'integration', integrations, interactive, pool.sso_integration)
    const known = {
      database: [...databases, ...databasesOfConsole],
      group: groups,
      integration: [...integrations, ...namesOf(view.settings)],
    }
    for (const kind of ['database', 'group', 'integration'] as const) {
      const key = `allowed_${kind}s` as const
      for (const [index, one] of (pool[key] ?? []).entries()) {
        yield* missing(view, kind, known[kind], [...path, key, index], one)
      }
    }
  }
}

function* missing(
  view: View,
  kind: string,
  known: readonly string[],
  path: Path,
  name: string | undefined,
): Generator<Finding> {
  if (name === undefined || known.includes(name)) return
  const written = view.written(path, name)
  yield { path, message: `${kind} ${quote(written)} does not exist; ${suggestion(written, known)}` }
}
