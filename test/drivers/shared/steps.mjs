// What the clients in JavaScript share: the settings, and one JSON line for each step.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { env } = process

export const settings = {
  host: env.DRIVER_HOST,
  port: Number(env.DRIVER_PORT),
  database: env.DRIVER_DATABASE,
  user: env.DRIVER_USER,
  caFile: env.DRIVER_CA,
  ca: readFileSync(env.DRIVER_CA, 'utf8'),
  application: env.DRIVER_APPLICATION,
}
export const passwords = {
  usual: env.DRIVER_PASSWORD,
  large: env.DRIVER_PASSWORD_LARGE,
  wrong: env.DRIVER_PASSWORD_WRONG,
  expired: env.DRIVER_PASSWORD_EXPIRED,
}

export const bigBytes = 5_000_000
export const big = `select string_agg(repeat('x', 1000), '') as big from generate_series(1, 5000)`
export const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\tline number ${i}\n`).join('')
export const parameterNames = ['server_version', 'application_name', 'client_encoding', 'TimeZone']

/** Thrown where the driver has no such thing; the text says what is known about it. */
export class Limit extends Error {}

/** Gives another token at every call, as a function that asks an identity provider would. */
export function freshTokens() {
  const left = [env.DRIVER_PASSWORD_FRESH_1, env.DRIVER_PASSWORD_FRESH_2]
  return {
    next: async () => left.shift(),
    areUsed: () => left.length === 0,
  }
}

export function parameters(values) {
  return parameterNames.map((name, i) => `${name}=${values[i]}`).join(', ')
}

export function refused(sqlstate, message) {
  return `${sqlstate ?? 'no SQLSTATE'}: ${message.trim().replaceAll(/\s+/g, ' ')}`
}

export function check(isSo, what) {
  if (!isSo) throw new Error(String(what))
}

export async function failureOf(promise) {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

export function within(seconds, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${seconds} s`)), seconds * 1000)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Cancels until the statement has ended: a request that comes before the statement does nothing. */
export async function cancelled(running, cancel) {
  const timer = setInterval(cancel, 300)
  try {
    return await within(10, 'cancel', failureOf(running))
  } finally {
    clearInterval(timer)
  }
}

/** The versions of packages, and of Node. */
export function version(url, ...names) {
  const require = createRequire(url)
  const found = names.map((name) => `${name} ${readVersion(require, name)}`)
  report('version', true, [...found, `Node ${process.versions.node}`].join(', '))
}

function readVersion(require, name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version
    } catch {
      // In a folder further up.
    }
  }
  return '?'
}

export async function step(name, run) {
  try {
    report(name, true, (await within(60, name, run())) ?? '')
  } catch (error) {
    if (error instanceof Limit) return report(name, null, error.message)
    process.stderr.write(`${error?.stack ?? error}\n`)
    report(name, false, String(error?.message ?? error))
  }
}

export function report(name, ok, detail) {
  process.stdout.write(`${JSON.stringify({ step: name, ok, detail: String(detail) })}\n`)
}
