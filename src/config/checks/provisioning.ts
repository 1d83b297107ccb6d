import { namesOf } from '../expand-settings.ts'
import { quote } from '../problem.ts'
import { systemDatabase } from './entries.ts'
import type { Finding, View } from './view.ts'

/** What makes roles for people, and where. */
export function* checkProvisioning(view: View): Generator<Finding> {
  const provisioning = [...view.integrations]
    .filter(([, { enabled, provisioning }]) => enabled !== false && provisioning?.enabled === true)
    .map(([name]) => name)
  for (const name of provisioning) yield* checkNames(view, name)
  for (const [name, { upstream }] of view.databases) {
    if (upstream === undefined) continue
    const path = ['databases', name, 'upstream']
    const { provisioner, auth } = upstream
    const [first] = provisioning.filter((one) => scopeOf(view, name).includes(one))
    if (first !== undefined && provisioner === undefined) {
      const message = `needs \`provisioner\`: integration ${quote(first)} has \`provisioning\``
      yield { path, message, isAboutKey: true }
    }
    if (first !== undefined && auth.method === 'password') {
      const message = `must not be "password": integration ${quote(first)} has \`provisioning\`, and the roles that it makes have no password. Use "certificate"`
      yield { path: [...path, 'auth', 'method'], message }
    }
    if (provisioner === undefined) continue
    const hasOwn = auth.method === 'certificate' || auth.method === 'trust'
    if (provisioner.password === undefined && !hasOwn) {
      const message = `needs a \`password\`: there is none by the method ${quote(auth.method)}`
      yield { path: [...path, 'provisioner'], message, isAboutKey: true }
    }
    for (const [group, { role }] of view.groups) {
      if (role !== provisioner.role) continue
      const message = `must not be the \`provisioner\` of database ${quote(name)}: who is in the group could make roles`
      yield { path: ['groups', group, 'role'], message }
    }
  }
}

function* checkNames({ root, integrations }: View, name: string): Generator<Finding> {
  const integration = integrations.get(name)
  if (integration?.map_principal !== false || root.identity_map?.trim() !== '') return
  if (!('principal_regex' in integration) || integration.principal_regex !== undefined) return
  const message =
    'needs `map_principal: true`, a `principal_regex` or lines in `identity_map`: they say what the role of somebody is called'
  yield { path: ['integrations', name, 'provisioning'], message, isAboutKey: true }
}

/** The integrations whose tokens open a database. */
function scopeOf({ databases, settings }: View, name: string): readonly string[] {
  const own = databases.get(name)?.integrations ?? []
  if (own.length > 0) return own
  return [...(databases.get(systemDatabase)?.integrations ?? []), ...namesOf(settings)]
}
