import { processEnvironment } from '../../credentials/environment.ts'
import type { Grant } from '../../credentials/grant.ts'
import { type NamedProfile, openCredentials } from '../../credentials/open-credentials.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { type Flow, needsPerson } from '../../credentials/profile.ts'
import type { Kept } from '../../credentials/store.ts'
import { printable } from '../../refusal.ts'
import { formatMoment } from './duration.ts'
import { exitCodes } from './exit-codes.ts'
import type { ClientOptions } from './options.ts'
import { reportProblem } from './report-problem.ts'

export interface StatusOptions extends ClientOptions {
  readonly output: 'text' | 'json'
}

export interface Status {
  readonly named: NamedProfile
  readonly isDefault: boolean
  /** Where tokens are kept, for people. */
  readonly store: string
  readonly state: SignInState
  /** The token that commands print, be it good still or not. */
  readonly grant: Grant | undefined
  readonly isRenewable: boolean
}

/** Whether the next command asks somebody to sign in. */
export type SignInState = 'signed-in' | 'not-needed' | 'needed'

/** Says who is signed in, by what is kept: nobody is asked. */
export async function printStatus(options: StatusOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const profiles = openProfiles(environment)
    const named = await profiles.read(options.profile)
    const list = await profiles.list()
    const keeper = openCredentials(named, environment)
    const status = toStatus(named, await keeper.kept(), {
      nowMs: Date.now(),
      store: await keeper.describeStore(),
      isDefault: list.some(({ name, isDefault }) => name === named.name && isDefault),
    })
    const text =
      options.output === 'json'
        ? JSON.stringify(statusAsJson(status), undefined, 2)
        : statusAsText(status, Date.now()).join('\n')
    process.stdout.write(`${text}\n`)
    return status.state === 'needed' ? exitCodes['sign-in-needed'] : 0
  })
}

export function toStatus(
  named: NamedProfile,
  kept: Kept | undefined,
  {
    nowMs,
    ...shown
  }: { readonly nowMs: number; readonly isDefault: boolean; readonly store: string },
): Status {
  const grant = named.profile.session ? (kept?.session ?? kept?.grant) : kept?.grant
  const isRenewable = kept?.grant.refreshToken !== undefined
  const isGood = [kept?.session, kept?.grant].some((one) => (one?.expiresAt ?? 0) > nowMs)
  const state =
    isGood || isRenewable
      ? 'signed-in'
      : needsPerson(named.profile.signIn)
        ? 'needed'
        : 'not-needed'
  return { named, ...shown, state, grant, isRenewable }
}

const states: Readonly<Record<SignInState, string>> = {
  'signed-in': 'signed in',
  'not-needed': 'no token yet; nobody has to sign in',
  needed: 'nobody is signed in: run portcullis login',
}

export function statusAsText(status: Status, nowMs: number): readonly string[] {
  const { named, isDefault, state, grant, isRenewable } = status
  const { profile } = named
  const endpoints = profile.endpoints.map(({ host, port }) => `${host}:${port}`).join(', ')
  const user = profile.user ?? grant?.user
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Profile', `${named.name}${isDefault ? ' (default)' : ''}`],
    ['Gateway', profile.gateway],
    ['Connects to', endpoints === '' ? undefined : endpoints],
    ['Database', profile.database],
    ['User', user],
    ['Users', (grant?.roles ?? []).length === 0 ? undefined : grant?.roles?.join(', ')],
    ['Sign-in', sourceOf(profile.signIn)],
    ['Store', status.store],
    [
      'State',
      grant?.principal !== undefined && state === 'signed-in'
        ? `signed in as ${grant.principal}`
        : states[state],
    ],
    ['Token until', grant === undefined ? undefined : formatMoment(grant.expiresAt, nowMs)],
    ['Renewed', grant === undefined ? undefined : isRenewable ? 'by itself' : renewal(profile)],
  ]
  return rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(12)}${printable(value, 1_000)}`],
  )
}

function renewal({ signIn }: NamedProfile['profile']): string {
  return needsPerson(signIn) ? 'by another sign-in' : 'by itself'
}

function sourceOf(signIn: Flow): string {
  switch (signIn.flow) {
    case 'browser':
    case 'device':
    case 'client_credentials':
    case 'password':
      return `${signIn.flow} at ${signIn.issuer}, client ${signIn.clientId}`
    case 'gateway':
      return 'by the gateway'
    case 'workload':
      return `workload, ${signIn.identity.kind}`
    case 'command':
      return `command ${signIn.command[0]}`
  }
}

export function statusAsJson(status: Status): Readonly<Record<string, unknown>> {
  const { named, isDefault, state, grant, isRenewable } = status
  const { profile } = named
  return {
    profile: named.name,
    default: isDefault,
    gateway: profile.gateway ?? null,
    endpoints: profile.endpoints,
    database: profile.database ?? null,
    user: profile.user ?? grant?.user ?? null,
    roles: grant?.roles ?? null,
    flow: profile.signIn.flow,
    issuer: 'issuer' in profile.signIn ? profile.signIn.issuer : null,
    session: profile.session,
    store: profile.store,
    state,
    principal: grant?.principal ?? null,
    issued_at: grant === undefined ? null : new Date(grant.issuedAt).toISOString(),
    expires_at: grant === undefined ? null : new Date(grant.expiresAt).toISOString(),
    renewable: isRenewable,
  }
}
