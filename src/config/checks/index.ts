import { checkAudit } from './audit.ts'
import type { ExpandedTree } from '../expand-defaults.ts'
import { checkCertificateUpstreams } from './certificates.ts'
import {
  checkDatabases,
  checkGroupClaims,
  checkGroups,
  checkIntegrations,
  checkKeySources,
  checkTls,
} from './entries.ts'
import { checkConsole } from './console.ts'
import { checkTokenUpstreams } from './exchange.ts'
import { checkFleet } from './fleet.ts'
import { checkGrants, checkOwners } from './grants.ts'
import { checkIntrospection, checkKinds } from './tokens.ts'
import { checkPasswords } from './passwords.ts'
import { checkOidcSettings } from './oidc-settings.ts'
import { checkPools } from './pools.ts'
import { checkProvisioning } from './provisioning.ts'
import { checkReferences } from './references.ts'
import { checkSessionSettings } from './session-settings.ts'
import { checkSessionTokens } from './session-tokens.ts'
import { checkSettings } from './settings.ts'
import { checkTelemetry } from './telemetry.ts'
import { checkWeb } from './web.ts'
import { checkUpstreamHosts } from './upstream-hosts.ts'
import { viewOf, type Finding } from './view.ts'

export type { Finding } from './view.ts'

/** What values mean to each other. Runs beside the schema, on whatever part of the file is readable. */
export function checkTogether(tree: ExpandedTree): readonly Finding[] {
  const view = viewOf(tree)
  return [
    ...checkTls(view),
    ...checkAudit(view),
    ...checkTelemetry(view),
    ...checkIntegrations(view),
    ...checkKeySources(view),
    ...checkGroupClaims(view),
    ...checkKinds(view),
    ...checkIntrospection(view),
    ...checkGroups(view),
    ...checkReferences(view),
    ...checkDatabases(view),
    ...checkUpstreamHosts(view),
    ...checkTokenUpstreams(view),
    ...checkCertificateUpstreams(view),
    ...checkGrants(view),
    ...checkOwners(view),
    ...checkPasswords(view),
    ...checkProvisioning(view),
    ...checkSessionSettings(view),
    ...checkPools(view),
    ...checkConsole(view),
    ...checkWeb(view),
    ...checkSessionTokens(view),
    ...checkSettings(view),
    ...checkOidcSettings(view),
    ...checkFleet(view),
  ]
}
