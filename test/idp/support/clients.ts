// Those who connect: psql, with a token and without, and the commands of Portcullis.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createSource } from '../../../src/credentials/create-source.ts'
import type { Grant } from '../../../src/credentials/grant.ts'
import type { Interaction } from '../../../src/credentials/interaction.ts'
import { ClientMachine } from '../../support/client-machine.ts'
import { psql, type PsqlResult } from '../../support/psql.ts'
import type { Stack } from '../../support/stack.ts'
import { until } from '../../support/until.ts'
import { WebBrowser } from '../../support/web-browser.ts'

const program = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const deadlineMs = 30_000

type Settings = Readonly<Record<string, string>>

/** Somebody who answers what a provider asks, until `isBack` is true of where it leads. */
export type Answering = (me: WebBrowser, isBack?: (url: URL) => boolean) => Promise<void>

export function browserFor(stack: Stack): WebBrowser {
  return new WebBrowser(stack.authority.certificate)
}

/** psql with a token as its password. */
export async function connect(
  stack: Stack,
  token: string,
  settings: Settings = {},
): Promise<PsqlResult> {
  return psql({ ...stack.environment(token), ...settings }, 'select current_user')
}

export interface Waiting {
  readonly psql: ChildProcess
  readonly heard: () => string
  /** Where it says that somebody is to sign in. */
  readonly address: string
  readonly output: Promise<string>
}

/** psql without a token, as far as the notice. */
export async function beginPsql(stack: Stack, sql: string, settings: Settings): Promise<Waiting> {
  const child = spawn('psql', ['-X', '-At', '-c', 'select current_user', '-c', sql], {
    env: { ...stack.environment(''), PGCONNECT_TIMEOUT: '30', PGUSER: 'sso', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let heard = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk))
  const output = text(child.stdout)
  child.once('close', (code) => (heard += `ended with ${String(code)}`))
  await until('the notice', () => /HINT|ended with/.test(heard))
  const [, address] = /sign in at (\S+)/.exec(heard) ?? []
  if (address === undefined) throw new Error(heard)
  return { psql: child, heard: () => heard, address, output }
}

/** Signs in on our page that psql has shown. */
export async function signInOnPage(
  stack: Stack,
  { address }: Waiting,
  answer: Answering,
): Promise<void> {
  const me = browserFor(stack)
  await me.open(address)
  await me.press('Continue to sign in')
  await answer(me)
}

export interface Provider {
  readonly issuer: string
  readonly scopes: readonly string[]
  /** Where the browser comes back to; the usual one where undefined. */
  readonly redirectUri?: string
  /** Which of its tokens is wanted; the ID token where undefined. */
  readonly use?: 'id_token' | 'access_token'
}

export interface SignedIn {
  readonly grant: Grant
  readonly refresh: (last?: Grant) => Promise<Grant | undefined>
  readonly revoke: (last: Grant) => Promise<void>
}

/** By the public client, as `portcullis login` does with the browser of its machine. */
export async function signIn(
  stack: Stack,
  { redirectUri, use = 'id_token', ...provider }: Provider,
  answer: Answering,
): Promise<SignedIn> {
  const client = { ...provider, redirectUri, clientId: 'portcullis-cli', use }
  const place = { endpoints: [], session: false, store: 'none', caFile: stack.caFile } as const
  const source = createSource({ ...place, signIn: { flow: 'browser', ...client } }, {})
  const person: Interaction = {
    openBrowser: async (url) => {
      const me = browserFor(stack)
      const isBack = ({ protocol }: URL): boolean => protocol === 'http:'
      await me.open(url, isBack)
      await answer(me, isBack)
      if (me.leadsTo === undefined) throw new Error(me.text)
      await fetch(me.leadsTo)
      return true
    },
    show: () => {},
    waiting: () => () => {},
  }
  const grant = await source.obtain(person, AbortSignal.timeout(deadlineMs))
  return {
    grant,
    refresh: async (last = grant) => source.refresh(last, AbortSignal.timeout(deadlineMs)),
    revoke: async (last) => source.revoke(last, AbortSignal.timeout(deadlineMs)),
  }
}

/** A program as itself, by the library that programs use. */
export async function programToken(
  stack: Stack,
  issuer: string,
  clientId: string,
  secret: string,
): Promise<string> {
  const clientSecret = { kind: 'environment', name: 'SECRET' } as const
  const client = { issuer, clientId, clientSecret, scopes: [], use: 'access_token' } as const
  const place = { endpoints: [], session: false, store: 'none', caFile: stack.caFile } as const
  const signIn = { flow: 'client_credentials', ...client } as const
  const source = createSource({ ...place, signIn }, { SECRET: secret })
  return (await source.obtain(undefined, AbortSignal.timeout(deadlineMs))).token
}

/** `portcullis login` on another device and `portcullis psql` after it: whom the database takes them for. */
export async function logInOnDevice(
  stack: Stack,
  publicUrl: string,
  answer: Answering,
): Promise<string> {
  await using machine = await ClientMachine.start()
  await machine.write('ca.crt', stack.authority.certificate)
  const child = machine.start([
    ...['login', new URL(publicUrl).host, '--no-browser', '--ca-file', 'ca.crt'],
    ...['--database', 'sandbox', '--host', 'localhost', '--port', String(stack.gateway.port)],
    ...['--store', 'file'],
  ])
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const closed = once(child, 'close') as Promise<[number]>
  const addressIn = (): string | undefined => /https:\S+user_code=[\w-]+/.exec(said)?.[0]
  await until(`there is an address: ${said}`, () => addressIn() !== undefined)
  const me = browserFor(stack)
  await me.open(addressIn() ?? '')
  await answer(me)
  const [code] = await closed
  if (code !== 0) throw new Error(said)
  return (await machine.run(['psql', '-XAt', '-c', 'select current_user'])).stdout
}

/** What `portcullis check` finds, asking the provider. */
export async function check(stack: Stack): Promise<readonly { readonly verdict: string }[]> {
  const args = [program, 'check', '--config', stack.gateway.configFile, '-o', 'json']
  const stdout = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { timeout: deadlineMs }, (_, printed) => {
      resolve(printed)
    })
  })
  return (JSON.parse(stdout) as { findings: { verdict: string }[] }).findings
}

export async function reasonOfLast(stack: Stack): Promise<string | undefined> {
  const failures = (await stack.audit()).filter(({ status }) => status === 'Failure')
  return failures.at(-1)?.status_detail
}
