// From the options of login to a profile.
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { LoginOptions } from '../../../../src/cli/client/login-options.ts'
import { type KnownGateway, toProfile } from '../../../../src/cli/client/login-profile.ts'

const endpoint = { host: 'db.example.com', port: 6432 }
const scopes = ['openid', 'offline_access']
const gateway: KnownGateway = {
  url: 'https://db.example.com',
  endpoints: [endpoint],
  hasSessions: true,
  client: { issuer: 'https://auth.example.com', clientId: 'cli', scopes },
  issuer: 'https://auth.example.com',
  integration: 'people',
}
const confidential: KnownGateway = { ...gateway, client: undefined }
const terminal = { hasBrowser: true }

describe('a gateway', () => {
  test('is all that somebody with a browser has to name', () => {
    expect(toProfile({}, gateway, terminal)).toEqual({
      gateway: 'https://db.example.com',
      endpoints: [endpoint],
      session: true,
      store: 'auto',
      signIn: {
        flow: 'browser',
        issuer: 'https://auth.example.com',
        clientId: 'cli',
        scopes,
        use: 'id_token',
      },
    })
  })

  test.each([
    ['on another device without a browser', {}, gateway, false, 'device'],
    ['on another device where that is wanted', { browser: false }, gateway, true, 'device'],
    ['by the gateway where its client has a secret', {}, confidential, true, 'gateway'],
    ['by a client of their own', { clientId: 'x', flow: 'device' }, confidential, true, 'device'],
    [
      'by a secret',
      { clientId: 'x', clientSecretEnv: 'S' },
      confidential,
      true,
      'client_credentials',
    ],
    ['by a command', { command: ['get'] }, gateway, true, 'command'],
    ['by a workload', { workload: 'github' }, gateway, true, 'workload'],
  ] as const)('lets people in %s', (_, options, known, hasBrowser, flow) => {
    expect(toProfile(options, known, { hasBrowser }).signIn.flow).toBe(flow)
  })

  test('gives no tokens of its own where it has none, or none are wanted', () => {
    expect(toProfile({}, { ...gateway, hasSessions: false }, terminal).session).toBe(false)
    expect(toProfile({ session: false }, gateway, terminal).session).toBe(false)
  })

  test('that gives out no tokens signs nobody in, and is no matter to a workload', () => {
    const without = { ...confidential, hasSessions: false }
    expect(() => toProfile({}, without, terminal)).toThrow('gives out no session tokens')
    expect(() => toProfile({ session: true, workload: 'github' }, without, terminal)).toThrow(
      'gives out no session tokens',
    )
    expect(toProfile({ workload: 'github' }, without, terminal).session).toBe(false)
  })

  test('does not say who its users are at another provider', () => {
    expect(() => toProfile({ issuer: 'https://other.example.com' }, gateway, terminal)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        hint: expect.stringContaining('--client-id') as string,
      }),
    )
  })
})

describe('without a gateway', () => {
  test('hosts have one port, and paths do not depend on the folder', () => {
    const options: LoginOptions = {
      host: ['a', 'b'],
      port: 6432,
      caFile: 'ca.crt',
      issuer: 'https://auth.example.com',
      clientId: 'm2m',
      clientSecretFile: 'secret',
      audience: 'db',
    }
    expect(toProfile(options, undefined, terminal)).toEqual({
      endpoints: [
        { host: 'a', port: 6432 },
        { host: 'b', port: 6432 },
      ],
      caFile: resolve('ca.crt'),
      session: false,
      store: 'auto',
      signIn: {
        flow: 'client_credentials',
        issuer: 'https://auth.example.com',
        clientId: 'm2m',
        clientSecret: { kind: 'file', path: resolve('secret') },
        scopes: [],
        audience: 'db',
        use: 'access_token',
      },
    })
  })

  test.each([
    ['kubernetes', {}, { kind: 'file', path: '/var/run/secrets/tokens/portcullis' }],
    ['file', { tokenFile: '/t' }, { kind: 'file', path: '/t' }],
    ['gitlab', {}, { kind: 'environment', name: 'PORTCULLIS_ID_TOKEN' }],
    ['env', { tokenEnv: 'T' }, { kind: 'environment', name: 'T' }],
    ['github', { audience: 'a' }, { kind: 'github', audience: 'a' }],
    ['google', { audience: 'a' }, { kind: 'google', audience: 'a' }],
    ['azure', { audience: 'a' }, { kind: 'azure', resource: 'a' }],
  ] as const)('the workload identity of %s', (workload, options, identity) => {
    const profile = toProfile({ workload, ...options }, undefined, terminal)
    expect(profile.signIn).toEqual({ flow: 'workload', identity })
  })

  test('the password grant has to be allowed', () => {
    const options: LoginOptions = {
      issuer: 'https://auth.example.com',
      clientId: 'x',
      username: 'alice',
      passwordEnv: 'P',
    }
    expect(() => toProfile(options, undefined, terminal)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        hint: expect.stringContaining('--allow-deprecated-password-grant') as string,
      }),
    )
    const allowed = { ...options, allowDeprecatedPasswordGrant: true }
    expect(toProfile(allowed, undefined, terminal).signIn).toMatchObject({
      flow: 'password',
      username: 'alice',
      password: { kind: 'environment', name: 'P' },
    })
  })
})

const client = { issuer: 'https://auth.example.com', clientId: 'x' }

describe('what cannot be is refused', () => {
  test.each([
    ['nothing to ask', {}],
    ['a provider without a client', { issuer: 'https://auth.example.com' }],
    ['a command that is not there', { flow: 'command' }],
    ['an empty command', { command: [] }],
    ['a command and a provider', { command: ['x'], ...client }],
    ['a workload of no kind', { flow: 'workload' }],
    ['a workload without its file', { workload: 'file' }],
    ['a workload for nobody', { workload: 'google' }],
    ['a workload and a command', { workload: 'github', command: ['x'] }],
    ['a secret that is said twice', { ...client, clientSecretFile: 's', clientSecretEnv: 'S' }],
    ['client credentials without a secret', { ...client, flow: 'client_credentials' }],
    ['a browser and none', { ...client, flow: 'browser', browser: false }],
    ['a port without a host', { ...client, port: 5432 }],
    ['the flow of a gateway without one', { flow: 'gateway' }],
    ['a session without a gateway', { ...client, session: true }],
    ['a pool without a gateway', { ...client, pool: 'x' }],
    ['an integration without a gateway', { ...client, integration: 'x' }],
    ['a password without its grant', { ...client, flow: 'device', username: 'alice' }],
    [
      'a password grant without a password',
      { ...client, username: 'alice', allowDeprecatedPasswordGrant: true },
    ],
  ] as const)('%s', (_, options) => {
    expect(() => toProfile(options, undefined, terminal)).toThrow(
      expect.objectContaining({ kind: 'usage', hint: expect.any(String) as string }),
    )
  })
})
