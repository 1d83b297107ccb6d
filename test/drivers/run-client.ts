import { join } from 'node:path'
import type { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import type { Driver } from './driver.ts'
import { runProgram } from './program.ts'
import { readStepLines, type StepLine } from './steps.ts'

export type Target = 'direct' | 'portcullis'

export interface ClientRun {
  readonly lines: ReadonlyMap<string, StepLine>
  /** Why the program did not end as it should; its own words after the first line. */
  readonly failure: string | undefined
}

const role = 'app_readwrite'
const runSeconds = 120
const shownCharacters = 2000
const largeTokenBytes = 8192

/** Runs a client's steps against PostgreSQL itself, or through the gateway. */
export async function runClient(
  driver: Driver,
  folder: string,
  stack: Stack,
  target: Target,
  signal: AbortSignal,
): Promise<ClientRun> {
  const environment = {
    ...baseEnvironment(stack, driver),
    ...(await (target === 'direct' ? direct(stack) : throughPortcullis(stack, driver))),
    DRIVER_TARGET: target,
  }
  const outcome = await runProgram(driver.run, { folder, seconds: runSeconds, environment, signal })
  const lines = readStepLines(outcome.stdout)
  const said = outcome.stderr.trim().slice(-shownCharacters)
  const failure = outcome.failure === undefined ? undefined : `${outcome.failure}\n${said}`
  return { lines, failure }
}

/** Whether both tokens of the pool's provider opened a session, by the audit. */
export async function bothTokensOpenedSessions(stack: Stack, driver: Driver): Promise<boolean> {
  const wanted = ['fresh-1', 'fresh-2'].map((which) => subject(driver, which))
  try {
    await until('two sessions by two tokens', async () => {
      const admitted = (await stack.audit())
        .filter(({ activity_id, status }) => activity_id === 1 && status === 'Success')
        .map(({ unmapped }) => unmapped.portcullis['subject'])
      return wanted.every((one) => admitted.includes(one))
    })
    return true
  } catch {
    return false
  }
}

/** Nothing of the caller's own PostgreSQL settings; what toolchains need is passed on. */
function baseEnvironment(stack: Stack, driver: Driver): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))
  return {
    ...Object.fromEntries(own),
    DRIVER_HOST: 'localhost',
    DRIVER_DATABASE: 'sandbox',
    DRIVER_USER: role,
    DRIVER_CA: join(stack.folder, 'ca.crt'),
    DRIVER_APPLICATION: `drivers-${driver.name}`,
  }
}

async function direct(stack: Stack): Promise<NodeJS.ProcessEnv> {
  const password = stack.passwords[role] ?? ''
  return Promise.resolve({
    DRIVER_PORT: String(stack.postgres.port),
    DRIVER_PASSWORD: password,
    DRIVER_PASSWORD_LARGE: password,
    DRIVER_PASSWORD_WRONG: `not ${password}`,
    DRIVER_PASSWORD_EXPIRED: `neither ${password}`,
    DRIVER_PASSWORD_FRESH_1: password,
    DRIVER_PASSWORD_FRESH_2: password,
  })
}

async function throughPortcullis(stack: Stack, driver: Driver): Promise<NodeJS.ProcessEnv> {
  const token = async (which: string, claims = {}): Promise<string> =>
    stack.token({ sub: subject(driver, which), ...claims })
  const now = Math.floor(Date.now() / 1000)
  const usual = await token('large')
  // Base64url makes four characters of three bytes.
  const filler = 'f'.repeat(Math.ceil(((largeTokenBytes - usual.length) * 3) / 4))
  return {
    DRIVER_PORT: String(stack.gateway.port),
    DRIVER_PASSWORD: await token('usual'),
    DRIVER_PASSWORD_LARGE: await token('large', { filler }),
    DRIVER_PASSWORD_WRONG: forged(await token('wrong')),
    DRIVER_PASSWORD_EXPIRED: await token('expired', { iat: now - 7200, exp: now - 3600 }),
    DRIVER_PASSWORD_FRESH_1: await token('fresh-1'),
    DRIVER_PASSWORD_FRESH_2: await token('fresh-2'),
  }
}

function subject(driver: Driver, which: string): string {
  return `${driver.name} ${which}`
}

/** The same token with a signature that is not its own. */
function forged(token: string): string {
  const at = token.lastIndexOf('.') + 1
  return `${token.slice(0, at)}${token.slice(at).split('').reverse().join('')}`
}
