import type { Stretch } from './read-when.ts'
import type { RefusedLogin } from './refused-login.ts'
import type { RefusalSource } from './search-audit.ts'

export interface Question {
  readonly reference: string | undefined
  /** Undefined where the latest are meant. */
  readonly when: Stretch | undefined
  /** Whether a login is one of those that are meant, whenever it was. */
  readonly isOne: (one: RefusedLogin) => boolean
  /** The same whoever it was: of many nobody knows. Undefined where `isOne` does not go by that. */
  readonly isAnybody: ((one: RefusedLogin) => boolean) | undefined
  /** So many are shown. */
  readonly limit: number
}

/** How many others were refused for the same reason at about that time. */
export interface Alike {
  readonly logins: number
  /** There may be more of them. */
  readonly addresses: number
}

export interface FoundRefusal {
  readonly login: RefusedLogin
  readonly alike: Alike
}

export interface FoundRefusals {
  /** The oldest first. */
  readonly found: readonly FoundRefusal[]
  /** How many there are besides, within the time that was asked for. */
  readonly more: number
  /** Where there are none, what was nearest before and after. */
  readonly nearest: readonly RefusedLogin[]
  /** Refused then, and who it was was not known: one of them may be meant. */
  readonly unknown: readonly RefusedLogin[]
}

export const alikeMinutes = 10

const alikeMs = alikeMinutes * 60_000
const nearestOfEach = 2
const maxUnknown = 5
const maxAddresses = 1_000

export async function findRefusals(
  source: RefusalSource,
  question: Question,
): Promise<FoundRefusals> {
  const { reference, when } = question
  const { logins, more } =
    when === undefined || reference !== undefined
      ? { logins: await latest(source, question), more: 0 }
      : await within(source, question, when)
  const found = await withAlike(source, logins)
  const isEmpty = found.length === 0 && when !== undefined && reference === undefined
  return {
    found,
    more,
    nearest: isEmpty ? await nearestTo(source, question, when) : [],
    unknown: isEmpty ? await unknownIn(source, question, when) : [],
  }
}

const ever = { fromMs: -Infinity, untilMs: Infinity } as const

async function latest(
  source: RefusalSource,
  { reference, isOne, limit }: Question,
): Promise<readonly RefusedLogin[]> {
  const most = reference === undefined ? limit : 1
  const found = await take(source.newestFirst({ ...ever, reference, matches: isOne }), most)
  return found.reverse()
}

async function within(
  source: RefusalSource,
  { isOne, limit }: Question,
  when: Stretch,
): Promise<{ readonly logins: readonly RefusedLogin[]; readonly more: number }> {
  const logins: RefusedLogin[] = []
  let more = 0
  for await (const one of source.oldestFirst({ ...when, matches: isOne })) {
    if (logins.length < limit) logins.push(one)
    else more += one.count
  }
  return { logins: logins.sort((one, other) => one.atMs - other.atMs), more }
}

async function nearestTo(
  source: RefusalSource,
  { isOne: matches }: Question,
  { fromMs, untilMs }: Stretch,
): Promise<readonly RefusedLogin[]> {
  const before = source.newestFirst({ fromMs: -Infinity, untilMs: fromMs - 1, matches })
  const after = source.oldestFirst({ fromMs: untilMs + 1, untilMs: Infinity, matches })
  return [...(await take(before, nearestOfEach)).reverse(), ...(await take(after, nearestOfEach))]
}

async function unknownIn(
  source: RefusalSource,
  { isAnybody }: Question,
  when: Stretch,
): Promise<readonly RefusedLogin[]> {
  if (isAnybody === undefined) return []
  const matches = (one: RefusedLogin): boolean => one.principal === undefined && isAnybody(one)
  return take(source.oldestFirst({ ...when, matches }), maxUnknown)
}

interface Counter {
  readonly login: RefusedLogin
  logins: number
  readonly addresses: Set<string>
}

async function withAlike(
  source: RefusalSource,
  logins: readonly RefusedLogin[],
): Promise<readonly FoundRefusal[]> {
  const counters = logins.map((login): Counter => ({ login, logins: 0, addresses: new Set() }))
  for (const stretch of joined(logins.map(({ atMs }) => atMs))) {
    const reasons = new Set(logins.map(({ reason }) => reason))
    const matches = ({ reason }: RefusedLogin): boolean => reasons.has(reason)
    for await (const one of source.oldestFirst({ ...stretch, matches })) {
      for (const counter of counters) count(counter, one)
    }
  }
  return counters.map(({ login, logins: alike, addresses }) => ({
    login,
    alike: { logins: alike, addresses: addresses.size },
  }))
}

function count(counter: Counter, one: RefusedLogin): void {
  const { login, addresses } = counter
  if (one.reason !== login.reason || one.session === login.session) return
  if (Math.abs(one.atMs - login.atMs) > alikeMs) return
  counter.logins += one.count
  for (const address of [one.address, ...one.addresses]) {
    if (addresses.size < maxAddresses) addresses.add(address)
  }
}

/** The stretches around these moments, of which none is looked through twice. */
function joined(moments: readonly number[]): readonly Stretch[] {
  const stretches: Stretch[] = []
  for (const atMs of moments.toSorted((one, other) => one - other)) {
    const last = stretches.at(-1)
    if (last !== undefined && atMs - alikeMs <= last.untilMs) {
      stretches[stretches.length - 1] = { ...last, untilMs: atMs + alikeMs }
    } else stretches.push({ fromMs: atMs - alikeMs, untilMs: atMs + alikeMs })
  }
  return stretches
}

async function take(found: AsyncIterable<RefusedLogin>, most: number): Promise<RefusedLogin[]> {
  const taken: RefusedLogin[] = []
  for await (const one of found) {
    taken.push(one)
    if (taken.length >= most) break
  }
  return taken
}
