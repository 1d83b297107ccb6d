// Ways through a provider that a browser has begun: each in a sealed cookie of its own, so that any node can
// finish what another began, and several tabs sign in at one time.
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import type { PendingAuthorization } from '../../identity/authorization-code.ts'
import type { WebServices } from '../services.ts'
import { cookiePrefix, dropCookie, keepCookie } from './cookies.ts'

export interface SignInState extends PendingAuthorization {
  readonly integration: string
  /** What comes of it: a sign-in on the pages, or a token to be used as a password. */
  readonly mode: 'session' | 'token'
  readonly returnTo: string
  /** Whether it is begun for the sake of what has to be shown to change something. */
  readonly isStepUp: boolean
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

type Services = Pick<WebServices, 'sealer' | 'now'>

export type FoundState =
  | { readonly kind: 'open'; readonly state: SignInState }
  | { readonly kind: 'expired' }
  | { readonly kind: 'unknown' }

const purpose = 'sign-in'
const prefix = `${cookiePrefix}state-`
/** Of the state, in the name of its cookie. */
const namedLength = 16
/** At the provider people look for their second factor. */
export const stateLifetimeMs = 10 * 60_000
/** Whoever is late is told so, and not that there was nothing. */
const keptMs = 3 * stateLifetimeMs
/** Cookies come with every request: a browser that begins more loses the oldest. */
const mostAtOnce = 4

export async function keepState(
  c: Context,
  services: Services,
  state: Omit<SignInState, 'expiresAt'>,
): Promise<void> {
  const now = services.now().getTime()
  await dropOldest(c, services)
  const sealed = await services.sealer.seal(
    purpose,
    { ...state, expiresAt: now + stateLifetimeMs } satisfies SignInState,
    now + keptMs,
  )
  keepCookie(c, nameOf(state.state), sealed, keptMs)
}

export async function findState(
  c: Context,
  services: Services,
  state: string,
): Promise<FoundState> {
  if (!/^[\w-]{43}$/.test(state)) return { kind: 'unknown' }
  const found = await open(services, getCookie(c, nameOf(state)))
  if (found?.state !== state) return { kind: 'unknown' }
  return services.now().getTime() < found.expiresAt
    ? { kind: 'open', state: found }
    : { kind: 'expired' }
}

/** A way is gone once. */
export function dropState(c: Context, state: string): void {
  dropCookie(c, nameOf(state))
}

function nameOf(state: string): string {
  return `${prefix}${state.slice(0, namedLength)}`
}

async function open(
  { sealer }: Services,
  sealed: string | undefined,
): Promise<SignInState | undefined> {
  // What we have sealed has the shape that we gave it.
  return sealed === undefined
    ? undefined
    : ((await sealer.open(purpose, sealed)) as SignInState | undefined)
}

async function dropOldest(c: Context, services: Services): Promise<void> {
  const names = Object.entries(getCookie(c)).filter(([name]) => name.startsWith(prefix))
  if (names.length < mostAtOnce) return
  const all = await Promise.all(
    names.map(async ([name, value]) => {
      const state = await open(services, value)
      return { name, expiresAt: state?.expiresAt ?? 0 }
    }),
  )
  const oldest = all.sort((a, b) => a.expiresAt - b.expiresAt)
  for (const { name } of oldest.slice(0, 1 - mostAtOnce)) dropCookie(c, name)
}
