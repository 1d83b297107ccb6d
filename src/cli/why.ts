import { ConfigError } from '../config/index.ts'
import { readPlaces } from '../config/read-places.ts'
import { contains, parseAddress, parseNetwork } from '../policy/network.ts'
import { printable } from '../refusal.ts'
import type { DeniedLogin, ExplainedDenial } from '../session/denied-login.ts'
import { type AuditFiles, findAuditFiles } from '../why/audit-files.ts'
import { findRefusals, type FoundRefusals, type Question } from '../why/find-refusals.ts'
import { readWhen, type When } from '../why/read-when.ts'
import { fromDenied, type RefusedLogin } from '../why/refused-login.ts'
import { auditSource, type RefusalSource, rememberedSource } from '../why/search-audit.ts'
import { unitedSource } from '../why/united-source.ts'
import { askService } from './control-client.ts'
import { describeFailure } from './failure.ts'
import { formatWhy, toJson, type WhyAnswer } from './format-why.ts'
import { safeJson } from './safe-json.ts'
import { WrongUsage } from './wrong-usage.ts'

export interface WhyOptions {
  readonly config?: string
  readonly socket?: string
  readonly file?: readonly string[]
  readonly at?: string
  readonly who?: string
  readonly from?: string
  readonly limit: string
  readonly output: 'text' | 'json'
}

/** Whoever asks waits; nobody waits for ever. */
const searchMs = 45_000
const maxLimit = 1_000

/** Prints why logins were refused, and returns the exit code. */
export async function why(reference: string | undefined, options: WhyOptions): Promise<number> {
  try {
    const when = whenOf(options)
    const question = questionOf(reference, when, options)
    const places = placesOf(options)
    const endsAt = performance.now() + searchMs
    const deadline = { isOver: () => performance.now() >= endsAt }
    const recorded = await filesOf(places.files)
    const remembered = await rememberedBy(places.socket)
    const sources = [
      ...recorded.map(({ files }) => auditSource(files, deadline)),
      ...(remembered === undefined ? [] : [rememberedSource(remembered.refusals)]),
    ]
    if (sources.length === 0) throw nothingToAsk(places)
    const source = sources.reduce((one, other): RefusalSource => unitedSource(one, other))
    const answer: WhyAnswer = {
      ...{ reference, when, who: options.who, from: options.from },
      ...(await detailed(await findRefusals(source, question), places.socket, remembered)),
      files: recorded.flatMap(({ files }) => files.map(({ path }) => path)),
      unread: recorded.flatMap(({ unread }) => unread),
      isRemembered: remembered !== undefined,
      unanswered: remembered?.unanswered ?? 0,
      isCutShort: deadline.isOver(),
    }
    process.stdout.write(
      options.output === 'json' ? `${safeJson(toJson(answer))}\n` : formatWhy(answer),
    )
    return answer.found.length > 0 ? 0 : 1
  } catch (error) {
    process.stderr.write(describeFailure(error))
    if (error instanceof WrongUsage) return 64
    return error instanceof ConfigError ? 78 : 2
  }
}

function whenOf({ at }: WhyOptions): When | undefined {
  if (at === undefined) return undefined
  const when = readWhen(at, new Date())
  if (when !== undefined) return when
  throw new WrongUsage(
    '--at is a time such as 14:02, a day such as 2026-11-22, or both as 2026-11-22T14:02, with Z or +01:00 behind it where it is not local time',
  )
}

function questionOf(
  reference: string | undefined,
  when: When | undefined,
  { who, from, limit: limitText }: WhyOptions,
): Question {
  const limit = Number(limitText)
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxLimit) {
    throw new WrongUsage(`--limit is a number between 1 and ${maxLimit}`)
  }
  if (reference !== undefined && !/^[\w-]{1,64}$/.test(reference)) {
    throw new WrongUsage(
      'a reference has letters, digits and hyphens: the client shows it as the session',
    )
  }
  const isFromThere = from === undefined ? () => true : fromNetwork(from)
  const isThem = who === undefined ? () => true : named(who)
  return {
    ...{ reference, when, limit },
    isOne: (one) => isThem(one) && isFromThere(one),
    isAnybody: who === undefined ? undefined : isFromThere,
  }
}

/** A part of a name is enough: an operator has a person in mind, and not a claim. */
function named(who: string): (one: RefusedLogin) => boolean {
  const wanted = who.toLowerCase()
  return ({ principal, subject, user }) =>
    [principal, subject, user].some((name) => name?.toLowerCase().includes(wanted) === true)
}

function fromNetwork(text: string): (one: RefusedLogin) => boolean {
  try {
    const network = parseNetwork(text)
    return ({ address, addresses }) =>
      [address, ...addresses].some((one) => {
        const parsed = parseAddress(one)
        return parsed !== undefined && contains(network, parsed)
      })
  } catch {
    throw new WrongUsage('--from is an address or a range such as 10.0.0.0/8')
  }
}

interface WhyPlaces {
  readonly files: readonly string[]
  readonly socket: string | undefined
}

function placesOf({ config, socket, file: files }: WhyOptions): WhyPlaces {
  // What was copied from another machine is not mixed with what happened on this one.
  if (files !== undefined) return { files, socket }
  if (config !== undefined) {
    const { auditFiles, controlSocket } = readPlaces(config)
    return { files: auditFiles, socket: socket ?? controlSocket }
  }
  if (socket !== undefined) return { files: [], socket }
  throw new WrongUsage('--config, --socket or --file is required')
}

async function filesOf(files: readonly string[]): Promise<readonly AuditFiles[]> {
  const found = await Promise.all(files.map(async (file) => findAuditFiles(file)))
  const missing = files.filter((_, index) => found[index]?.files.length === 0)
  if (missing[0] !== undefined) throw new Error(`there is no ${missing[0]}`)
  return found
}

interface Remembered {
  readonly refusals: readonly RefusedLogin[]
  readonly unanswered: number
}

/** Undefined where no service can be asked: it may have been stopped, and the file is there all the same. */
async function rememberedBy(socket: string | undefined): Promise<Remembered | undefined> {
  if (socket === undefined) return undefined
  try {
    const { refusals, unanswered } = (await askService(
      socket,
      '/refusals/list',
      {},
    )) as unknown as {
      readonly refusals: readonly DeniedLogin[]
      readonly unanswered: number
    }
    return { refusals: refusals.map(fromDenied), unanswered }
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return undefined
  }
}

function nothingToAsk({ socket }: WhyPlaces): Error {
  return new Error(
    socket === undefined
      ? 'the configuration has no audit file and no control_socket: use --file'
      : 'the service cannot be asked, and the configuration has no audit file: use --file',
  )
}

/** With what the process remembers that refused it, which is no part of a record. */
async function detailed(
  all: FoundRefusals,
  socket: string | undefined,
  remembered: Remembered | undefined,
): Promise<FoundRefusals> {
  if (socket === undefined || remembered === undefined) return all
  const known = new Set(remembered.refusals.map(({ session }) => session))
  const found = await Promise.all(
    all.found.map(async (one) => {
      if (!known.has(one.login.session)) return one
      const more = await detailsOf(socket, one.login.session)
      if (more === undefined) return one
      const { steps, told, why: log } = more
      return {
        ...one,
        login: {
          ...one.login,
          steps: steps.length === 0 ? undefined : steps,
          told,
          why: log ?? one.login.why,
        },
      }
    }),
  )
  return { ...all, found }
}

async function detailsOf(socket: string, reference: string): Promise<ExplainedDenial | undefined> {
  try {
    const { refusals } = (await askService(socket, '/refusals/find', { reference })) as unknown as {
      readonly refusals: readonly ExplainedDenial[]
    }
    return refusals[0]
  } catch (error) {
    const what = error instanceof Error ? error.message : 'failed'
    process.stderr.write(
      `portcullis: how ${reference} came about is not known: ${printable(what)}\n`,
    )
    return undefined
  }
}
