import { namesOf } from '../expand-settings.ts'
import { suggestion } from '../nearest-name.ts'
import type { Finding, View } from './view.ts'

/** A password for a role that nobody can ever be is a slip of the pen, or one that should be deleted. */
export function* checkPasswords(view: View): Generator<Finding> {
  if (canPrincipalBeRole(view)) return
  const groups = [...view.groups.values()]
  if (groups.some((group) => group.role === undefined)) return
  const roles = groups.flatMap((group) => group.role ?? [])
  for (const [name, { upstream }] of view.databases) {
    if (upstream?.auth.method !== 'password') continue
    // Those of every database are there before the groups that need them.
    if (view.isInherited(['databases', name, 'upstream', 'auth'])) continue
    for (const role of Object.keys(upstream.auth.passwords)) {
      if (roles.includes(role)) continue
      yield {
        path: ['databases', name, 'upstream', 'auth', 'passwords', role],
        message: `no group has this role, and no principal is mapped to a role; ${suggestion(role, [...new Set(roles)])}`,
        isAboutKey: true,
      }
    }
  }
}

function canPrincipalBeRole({ root, integrations, settings }: View): boolean {
  if (root.settings === undefined || namesOf(settings).length > 0) return true
  if (root.identity_map?.trim() !== '') return true
  return [...integrations.values()].some(
    (integration) =>
      integration.map_principal !== false ||
      !('principal_regex' in integration) ||
      integration.principal_regex !== undefined,
  )
}
