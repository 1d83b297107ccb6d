import { isatty } from 'node:tty'
import { pino } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { printable } from '../refusal.ts'
import type { Refusal } from '../refusal.ts'
import type { SessionFacts, SessionObserver } from '../session/observer.ts'
import { openLineSink } from './line-sink.ts'
import type { LineSink } from './line-sink.ts'
import type { HostObserver, IssuerObserver } from './observers.ts'
import { redact, toSafeLine } from './safe-line.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/**
 * `error` and `cause` are written as one line of messages and codes, `stack` whole; what else they carry,
 * such as the body of an answer, is left out.
 */
export type LogFields = Readonly<Record<string, unknown>>

type Write = (message: string, fields?: LogFields) => void

export interface Log {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  readonly fatal: Write
  setLevel(level: LogLevel): void
  /** Whether a line of this level would be written: its fields need not be made otherwise. */
  isEnabled(level: Exclude<LogLevel, 'silent'>): boolean
  flush(): Promise<void>
  close(): Promise<void>
}

interface LogOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  /** Fields of every line. */
  readonly base: LogFields
  /** Where lines go instead of standard error, which leaves standard output to the audit. */
  readonly write?: (line: string) => void
  /** Lines that standard error did not take in time. */
  readonly onDropped?: (lines: number) => void
}

const standardError = 2
const maxPendingBytes = 1_048_576
const closeTimeoutMs = 2000

export function createLog({ level, format, base, write, onDropped }: LogOptions): Log {
  const sink = write === undefined ? openStandardError(onDropped) : openNothing(write)
  const prettify = format === 'pretty' ? createPrettifier(write === undefined) : undefined
  const logger = pino(
    {
      level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: explain, cause: explain, stack: toStack },
    },
    {
      write(line) {
        sink.write(toSafeLine(prettify === undefined ? line : prettify(line)))
      },
    },
  )
  const writer =
    (at: Exclude<LogLevel, 'silent'>): Write =>
    (message, fields = {}) => {
      logger[at](fields, message)
    }

  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    fatal: writer('fatal'),
    setLevel(next) {
      logger.level = next
    },
    isEnabled: (at) => logger.isLevelEnabled(at),
    async flush() {
      await sink.flush()
    },
    async close() {
      await sink.close()
    },
  }
}

type LogSink = Pick<LineSink, 'write' | 'flush' | 'close'>

function openStandardError(onDropped: LogOptions['onDropped']): LogSink {
  return openLineSink({
    target: standardError,
    maxPendingBytes,
    closeTimeoutMs,
    onLost: (lines) => onDropped?.(lines),
    // There is no other place to say so.
    onError: () => {},
  })
}

function openNothing(write: (line: string) => void): LogSink {
  const taken = (line: string): boolean => {
    write(line)
    return true
  }
  return { write: taken, flush: async () => {}, close: async () => {} }
}

/** In this thread: a worker thread would lose the last lines of a process that crashes. */
function createPrettifier(isForTerminal: boolean): (line: string) => string {
  return prettyFactory({
    colorize: isForTerminal && isatty(standardError),
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'node,version,pid,hostname',
  })
}

const deepestCause = 4

/** Messages and codes of an error and its causes. The rest of an error may hold a request with its token. */
export function explain(error: unknown): string {
  const parts: string[] = []
  let at = error
  for (let depth = 0; depth < deepestCause && at !== undefined && at !== null; depth += 1) {
    parts.push(explainOne(at))
    at = at instanceof Error ? (at.cause ?? firstOf(at)) : undefined
  }
  return parts.join(': ')
}

function explainOne(error: unknown): string {
  if (!(error instanceof Error)) return printable(redact(textOf(error)))
  const message = printable(redact(error.message === '' ? error.name : error.message))
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code === undefined || message.includes(code) ? message : `${message} (${printable(code)})`
}

/** `connect` to a name with several addresses fails with one error for each. */
function firstOf(error: Error): unknown {
  return error instanceof AggregateError ? error.errors[0] : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : `thrown ${typeof value}`
}

function toStack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? explain(error)) : explain(error)
}

/** One line for each event of a session. */
export function sessionLog(log: Log): SessionObserver {
  return {
    opened() {},
    stage() {},
    admitted(session) {
      if (!log.isEnabled('info')) return
      log.info('session admitted', {
        ...toFields(session),
        duration_ms: Date.now() - session.openedAt.getTime(),
      })
    },
    refused(session, refusal) {
      const isBug = refusal.reason === 'internal-error'
      log[levelOf(refusal)]('session refused', {
        ...toFields(session),
        reason: refusal.reason,
        fault: refusal.fault,
        sqlstate: refusal.sqlstate,
        detail: refusal.logDetail,
        cause: refusal.cause,
        ...(isBug && { stack: refusal.cause ?? refusal }),
      })
    },
    abandoned(session) {
      log.debug('session abandoned', toFields(session))
    },
    discovered(session) {
      log.debug('session asked where tokens are to be had', toFields(session))
    },
    cancelled(session, outcome) {
      log.debug('cancel request', { ...toFields(session), outcome })
    },
    ended(session, end) {
      if (!log.isEnabled('info')) return
      log.info('session ended', {
        ...toFields(session),
        reason: end.reason,
        bytes_from_frontend: end.bytesFromFrontend,
        bytes_from_upstream: end.bytesFromUpstream,
        duration_ms: end.durationMs,
      })
    },
  }
}

function levelOf({ reason, fault }: Refusal): 'info' | 'warn' | 'error' {
  // Whoever is told to stop refuses: nothing is wrong.
  if (reason === 'draining') return 'info'
  switch (fault) {
    case 'client':
    case 'policy':
    case 'issuer':
      return 'warn'
    case 'upstream':
    case 'proxy':
      return 'error'
  }
}

function endpoint({ address, port }: SessionFacts['peer']): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function toFields({
  id,
  peer,
  listener,
  pool,
  catalogVersion,
  requested,
  integration,
  identity,
  role,
  console,
  standsFor,
}: SessionFacts): LogFields {
  return {
    session: id,
    peer: listener.address.startsWith('/') ? peer.address : endpoint(peer),
    pool,
    catalog_version: catalogVersion,
    user: safe(requested?.user),
    database: safe(requested?.database),
    application_name: safe(requested?.applicationName),
    integration,
    issuer: identity?.issuer,
    subject: safe(identity?.subject),
    principal: safe(identity?.principal),
    role: safe(role),
    console: console?.right,
    ...(standsFor && {
      stands_for: standsFor.count,
      addresses: Object.fromEntries(standsFor.addresses),
      other_addresses: standsFor.otherAddresses,
    }),
  }
}

// Redacted before it is cut short: a part of a token would no longer look like one.
function safe(value: string | undefined): string | undefined {
  return value === undefined ? undefined : printable(redact(value))
}

/** What happens between Portcullis and its issuers. */
export function issuerLog(log: Log): IssuerObserver {
  return {
    keysRefreshed(issuer, outcome, error) {
      if (outcome === 'ok') log.debug('key set refreshed', { issuer })
      else log.warn('key set could not be refreshed', { issuer, cause: error })
    },
    unknownKey(issuer) {
      log.info('token names a key that is not in the key set', { issuer })
    },
  }
}

/** What happens between Portcullis and the hosts of upstreams: told when it changes, and not at each login. */
export function hostLog(log: Log): HostObserver {
  return {
    upstreamTried() {},
    upstreamLost(host, { reason, logDetail, cause }) {
      log.warn('upstream host cannot be used, and is tried last for a while', {
        host,
        reason,
        detail: logDetail,
        cause,
      })
    },
    upstreamBack(host) {
      log.info('upstream host is back', { host })
    },
  }
}
