import { printable, type Reason, reasons, Refusal } from '../refusal.ts'
import { alikeMinutes, type FoundRefusal, type FoundRefusals } from '../why/find-refusals.ts'
import type { When } from '../why/read-when.ts'
import type { RefusedLogin } from '../why/refused-login.ts'

export interface WhyAnswer extends FoundRefusals {
  readonly reference: string | undefined
  readonly when: When | undefined
  readonly who: string | undefined
  readonly from: string | undefined
  readonly files: readonly string[]
  /** Files that were not looked into. */
  readonly unread: readonly string[]
  readonly isRemembered: boolean
  /** Processes that did not answer. */
  readonly unanswered: number
  /** There was no time to look at everything. */
  readonly isCutShort: boolean
}

const responsible = {
  client: 'the client',
  policy: 'the administrator of Portcullis',
  issuer: 'the identity provider',
  upstream: 'the administrator of the database',
  proxy: 'the operator of Portcullis',
} as const

export function formatWhy(answer: WhyAnswer): string {
  const { found, more, nearest, unknown } = answer
  const isSingle = found.length === 1
  const lines = [
    headline(answer),
    ...found.flatMap((one) => ['', ...formatOne(one, isSingle)]),
    ...(more === 0
      ? []
      : ['', `and ${more} more: --limit shows more, --who and --from show fewer`]),
    ...(found.length > 1
      ? ['', 'With the reference of one, portcullis why shows every check that was made.']
      : []),
    ...listed(
      'Of these nobody knows who it was, since no token was verified. One of them may be meant:',
      unknown,
    ),
    ...listed('The nearest before and after:', nearest),
    ...remarks(answer),
  ]
  return `${lines.join('\n')}\n`
}

function headline(answer: WhyAnswer): string {
  const { found, more, reference, when } = answer
  const count = found.reduce((sum, { login }) => sum + login.count, 0) + more
  const of = criteria(answer)
  if (reference !== undefined) {
    return found.length === 0
      ? `Nothing is known of a refusal with the reference ${printable(reference)}.`
      : 'This login was refused:'
  }
  if (when === undefined) {
    if (found.length === 0) return `Nobody${of} was refused, as far as is known.`
    return count === 1
      ? `The last login${of} that was refused:`
      : `The last ${count} logins${of} that were refused:`
  }
  const time = stretch(when)
  if (found.length === 0) return `Nobody${of} was refused ${time}.`
  return count === 1
    ? `1 login${of} was refused ${time}:`
    : `${count} logins${of} were refused ${time}:`
}

function criteria({ who, from }: WhyAnswer): string {
  const by = who === undefined ? '' : ` of "${printable(who)}"`
  return from === undefined ? by : `${by} from ${printable(from)}`
}

function stretch({ fromMs, untilMs, atMs, tolerance }: When): string {
  const zone = offset(new Date(atMs))
  if (tolerance === 0) return `on ${date(new Date(atMs))} (${zone})`
  const [begin, end] = [new Date(fromMs), new Date(untilMs)]
  const days = date(begin) === date(end) ? date(begin) : `${date(begin)} and ${date(end)}`
  return `between ${clock(begin)} and ${clock(end)} on ${days} (${zone}): ${clock(new Date(atMs))}, and ${tolerance} minutes before and after`
}

function formatOne({ login, alike }: FoundRefusal, isWhole: boolean): readonly string[] {
  const entry = entryOf(login.reason)
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['who', whoOf(login)],
    ['from', fromOf(login)],
    ['to', toOf(login)],
    ...checksOf(login, isWhole),
    ['log has', shown(login.why)],
    ...toldOf(login),
    ['meaning', entry?.meaning ?? 'This version does not know the reason.'],
    ['remedy', entry && `${entry.remedy} (for ${responsible[entry.fault]})`],
    ['others', alikeText(alike)],
    ['reference', printable(login.session)],
  ]
  return [
    `${moment(login.atMs)}  ${printable(login.reason)}`,
    ...rows.flatMap(([label, text]) =>
      text === undefined ? [] : [`  ${label.padEnd(11)}  ${text}`],
    ),
  ]
}

function whoOf({ principal, subject, issuer, user }: RefusedLogin): string {
  const asked = user === undefined ? 'no user was named' : `user "${printable(user)}" was asked for`
  if (principal === undefined) return `not known, no token was verified; ${asked}`
  const of = [shown(subject, 'subject '), shown(issuer, 'of ')].filter((text) => text !== undefined)
  return `${printable(principal)}${of.length === 0 ? '' : ` (${of.join(' ')})`}; ${asked}`
}

function fromOf({ address, application, count, addresses, node }: RefusedLogin): string {
  const others = addresses.filter((one) => one !== address).map((one) => printable(one))
  return [
    printable(address),
    ...(others.length === 0 ? [] : [`and ${others.join(', ')}`]),
    ...(count === 1 ? [] : [`${count} logins that are told as one`]),
    ...(application === undefined ? [] : [`application "${printable(application)}"`]),
    ...(node === undefined ? [] : [`at node ${printable(node)}`]),
  ].join(', ')
}

function toOf({ database, pool, integration }: RefusedLogin): string {
  return [
    database === undefined ? 'no database was named' : `database "${printable(database)}"`,
    pool === undefined ? 'no pool' : `pool ${printable(pool)}`,
    integration === undefined ? 'no integration' : `integration ${printable(integration)}`,
  ].join(', ')
}

type Rows = readonly (readonly [string, string | undefined])[]

function checksOf({ steps = [] }: RefusedLogin, isWhole: boolean): Rows {
  const meant = isWhole ? steps : steps.filter(({ passed }) => !passed)
  const width = Math.max(0, ...meant.map(({ check }) => check.length))
  return meant.map(({ check, compared, passed }, index) => [
    index === 0 ? 'checks' : '',
    `${passed ? 'ok  ' : 'FAIL'}  ${printable(check).padEnd(width)}  ${printable(compared, longestText)}`,
  ])
}

const longestText = 600

function toldOf(login: RefusedLogin): Rows {
  const { told } = login
  const label = told === undefined ? 'client gets' : 'client got'
  const error = told ?? usualError(login)
  if (error === undefined) return []
  return [
    [label, `FATAL: ${error.sqlstate}: ${printable(error.message, longestText)}`],
    ['', shown(error.detail, 'DETAIL: ')],
    ['', shown(error.hint, 'HINT: ')],
  ]
}

/** What a client is told for this reason, where nobody remembers what this one read. */
function usualError(login: RefusedLogin): RefusedLogin['told'] {
  const { reason, user, database, address, pool, principal, session } = login
  // Its handshake failed: there was nothing to tell it by.
  if (!isReason(reason) || reason === 'tls-failed') return undefined
  const refusal = new Refusal(reason)
  const known = { user, database, address, pool, principal }
  const values = Object.fromEntries(
    [...refusal.message.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [
      name,
      (known as Readonly<Record<string, string | undefined>>)[name] ?? '...',
    ]),
  )
  return {
    sqlstate: login.sqlstate,
    message: refusal.messageFor(values),
    detail: refusal.isVague
      ? `The log of the gateway has more under session ${printable(session)}.`
      : undefined,
    hint: refusal.hint,
  }
}

function alikeText({ logins, addresses }: FoundRefusal['alike']): string {
  if (logins === 0) return `nobody else had this reason within ${alikeMinutes} minutes of it`
  const count = logins === 1 ? '1 other login' : `${logins} other logins`
  const places = addresses === 1 ? '1 address' : `${addresses} addresses`
  return `${count} from ${places} had this reason within ${alikeMinutes} minutes of it`
}

function listed(heading: string, logins: readonly RefusedLogin[]): readonly string[] {
  if (logins.length === 0) return []
  return ['', heading, ...logins.map((one) => `  ${inOneLine(one)}`)]
}

function inOneLine({ atMs, reason, principal, user, address, session }: RefusedLogin): string {
  const who = principal ?? (user === undefined ? 'no name' : `user "${user}"`)
  return `${moment(atMs)}  ${printable(reason)}  ${printable(who)} from ${printable(address)}  ${printable(session)}`
}

function remarks(answer: WhyAnswer): readonly string[] {
  const { files, unread, isRemembered, unanswered, isCutShort } = answer
  const lines = [
    ...(isCutShort
      ? ['There was no time to look at all of the audit: --at says which part is meant.']
      : []),
    ...(unanswered === 0 ? [] : [`Processes that did not answer: ${unanswered}.`]),
    ...(unread.length === 0
      ? []
      : [`Not looked into, unpack them: ${unread.map((one) => printable(one)).join(', ')}`]),
    ...(files.length === 0 && isRemembered
      ? [
          'There is no audit file: the last 50 refusals of each reason are remembered, until a restart.',
        ]
      : []),
  ]
  return lines.length === 0 ? [] : ['', ...lines]
}

export function toJson(answer: WhyAnswer): object {
  const { reference, when, who, from, found, more, nearest, unknown } = answer
  return {
    asked: {
      reference: reference ?? null,
      from: when === undefined ? null : new Date(when.fromMs).toISOString(),
      until: when === undefined ? null : new Date(when.untilMs).toISOString(),
      who: who ?? null,
      address: from ?? null,
    },
    found: found.map(({ login, alike }) => ({
      ...loginJson(login),
      alike: { minutes: alikeMinutes, ...alike },
    })),
    more,
    nearest: nearest.map(loginJson),
    unknown: unknown.map(loginJson),
    files: answer.files,
    unread: answer.unread,
    remembered: answer.isRemembered,
    unanswered: answer.unanswered,
    complete: !answer.isCutShort,
  }
}

function loginJson(login: RefusedLogin): object {
  const entry = entryOf(login.reason)
  const orNull = (value: string | undefined): string | null => value ?? null
  return {
    at: new Date(login.atMs).toISOString(),
    reference: login.session,
    reason: login.reason,
    sqlstate: login.sqlstate,
    fault: entry?.fault ?? null,
    count: login.count,
    principal: orNull(login.principal),
    subject: orNull(login.subject),
    issuer: orNull(login.issuer),
    user: orNull(login.user),
    database: orNull(login.database),
    application: orNull(login.application),
    address: login.address,
    pool: orNull(login.pool),
    integration: orNull(login.integration),
    node: orNull(login.node),
    checks: login.steps ?? null,
    log: orNull(login.why),
    told: login.told ?? null,
    meaning: entry?.meaning ?? null,
    remedy: entry?.remedy ?? null,
  }
}

function isReason(name: string): name is Reason {
  return Object.hasOwn(reasons, name)
}

function entryOf(name: string): (typeof reasons)[Reason] | undefined {
  return isReason(name) ? reasons[name] : undefined
}

function shown(text: string | undefined, before = ''): string | undefined {
  return text === undefined ? undefined : `${before}${printable(text, longestText)}`
}

/** As the clock on the wall has it, and in UTC, as logs of other machines have it. */
function moment(atMs: number): string {
  const at = new Date(atMs)
  const zone = offset(at)
  if (zone === 'UTC') return `${date(at)} ${clock(at)} UTC`
  return `${date(at)} ${clock(at)} ${zone} (${at.toISOString().slice(11, 19)} UTC)`
}

const two = (number: number): string => String(number).padStart(2, '0')

function date(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}

function clock(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')
}

function offset(at: Date): string {
  const minutes = -at.getTimezoneOffset()
  if (minutes === 0) return 'UTC'
  const size = Math.abs(minutes)
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}
