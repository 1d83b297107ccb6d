import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openProfiles, type ProfileStore } from '../../../src/credentials/profile-store.ts'
import type { Flow, Profile } from '../../../src/credentials/profile.ts'

let home: string
let environment: Record<string, string>
let profiles: ProfileStore

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'portcullis-profiles-'))
  environment = { HOME: home }
  profiles = openProfiles(environment)
})

afterEach(async () => rm(home, { recursive: true }))

const client = {
  issuer: 'https://auth.example.com',
  clientId: 'portcullis-cli',
  clientSecret: undefined,
  scopes: ['openid', 'offline_access'],
  audience: undefined,
  use: 'id_token',
} as const

function profileOf(signIn: Flow = { flow: 'browser', ...client }): Profile {
  return {
    gateway: 'https://db.example.com',
    endpoints: [{ host: 'db.example.com', port: 5432 }],
    database: 'sandbox',
    user: 'app_readonly',
    caFile: join(home, 'ca.crt'),
    session: true,
    store: 'auto',
    signIn,
  }
}

const secret = { kind: 'environment', name: 'SECRET' } as const

test.each<readonly [string, Flow]>([
  ['browser', { flow: 'browser', ...client }],
  [
    'device',
    { flow: 'device', ...client, audience: 'https://db.example.com', use: 'access_token' },
  ],
  ['gateway', { flow: 'gateway', integration: 'sso' }],
  ['gateway without an integration', { flow: 'gateway', integration: undefined }],
  [
    'client_credentials',
    { flow: 'client_credentials', ...client, clientSecret: secret, use: 'access_token' },
  ],
  [
    'password',
    {
      flow: 'password',
      username: 'alice',
      password: { kind: 'file', path: '/run/secrets/password' },
      ...client,
    },
  ],
  ['command', { flow: 'command', command: ['vault', 'read', '-field=token', 'true', '7'] }],
  ['a file', { flow: 'workload', identity: { kind: 'file', path: '/var/run/token' } }],
  ['a variable', { flow: 'workload', identity: { kind: 'environment', name: 'CI_TOKEN' } }],
  ['GitHub', { flow: 'workload', identity: { kind: 'github', audience: undefined } }],
  ['Google', { flow: 'workload', identity: { kind: 'google', audience: 'https://db' } }],
  ['Azure', { flow: 'workload', identity: { kind: 'azure', resource: 'r', clientId: 'c' } }],
])('a profile of %s is read as it was written', async (_, signIn) => {
  const named = { name: 'db.example.com', profile: profileOf(signIn) }
  await profiles.write(named, { makeDefault: false })
  expect(await profiles.read('db.example.com')).toEqual(named)
})

test('the file has the keys that people write, and is for its user alone', async () => {
  await profiles.write({ name: 'db', profile: profileOf() }, { makeDefault: true })
  expect(await readFile(profiles.pathOf('db'), 'utf8')).toBe(`gateway: https://db.example.com
endpoints:
  - host: db.example.com
    port: 5432
database: sandbox
user: app_readonly
ca_file: ${home}/ca.crt
session: true
store: auto
sign_in:
  flow: browser
  issuer: https://auth.example.com
  client_id: portcullis-cli
  scopes:
    - openid
    - offline_access
  use: id_token
`)
  const folder = join(home, '.config', 'portcullis')
  for (const file of [profiles.pathOf('db'), join(folder, 'default')]) {
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  }
  for (const one of [folder, join(folder, 'profiles')]) {
    expect((await stat(one)).mode & 0o777).toBe(0o700)
  }
  expect(await readdir(join(folder, 'profiles'))).toEqual(['db.yaml'])
})

async function put(text: string, name = 'db'): Promise<string> {
  await profiles.write({ name, profile: profileOf() }, { makeDefault: false })
  await writeFile(profiles.pathOf(name), text)
  return profiles.pathOf(name)
}

test('comments and the way a file was written by hand stay when it is written again', async () => {
  const path = await put(`# ours
gateway: https://db.example.com # the pages
endpoints: [{ host: db.example.com, port: 5432 }]
database: old
session: true
sign_in:
  # of the platform team
  flow: browser
  issuer: "https://auth.example.com"
  client_id: portcullis-cli
  scopes: [openid, offline_access] # a refresh token, too
  audience: gone
`)
  await profiles.write({ name: 'db', profile: profileOf() }, { makeDefault: false })
  expect(await readFile(path, 'utf8')).toBe(`# ours
gateway: https://db.example.com # the pages
endpoints: [ { host: db.example.com, port: 5432 } ]
database: sandbox
session: true
sign_in:
  # of the platform team
  flow: browser
  issuer: "https://auth.example.com"
  client_id: portcullis-cli
  scopes: [ openid, offline_access ] # a refresh token, too
  use: id_token
user: app_readonly
ca_file: ${home}/ca.crt
store: auto
`)
})

test.each([
  ['that is no YAML', ': ['],
  ['with anchors', 'gateway: &a https://db.example.com\nuser: *a\n'],
  ['that is a list', '- 1\n'],
  ['that is empty', ''],
])('a file %s is written anew', async (_, before) => {
  await put(before)
  await profiles.write({ name: 'db', profile: profileOf() }, { makeDefault: false })
  expect((await profiles.read('db')).profile).toEqual(profileOf())
})

test('what a profile need not say has a usual value', async () => {
  await put(`endpoints: [{ host: db }]
sign_in: { flow: device, issuer: https://auth.example.com, client_id: c }
`)
  expect((await profiles.read('db')).profile).toMatchObject({
    endpoints: [{ host: 'db', port: 5432 }],
    session: false,
    store: 'auto',
    signIn: { scopes: ['openid'], use: 'id_token' },
  })
})

test('paths may begin with ~/, and the address of the gateway end with a slash', async () => {
  await put(`gateway: https://db.example.com/
ca_file: ~/ca.crt
sign_in: { flow: workload, identity: { kind: file, path: ~/token } }
`)
  expect((await profiles.read('db')).profile).toMatchObject({
    gateway: 'https://db.example.com',
    caFile: join(home, 'ca.crt'),
    signIn: { identity: { path: join(home, 'token') } },
  })
})

const command = 'sign_in: { flow: command, command: [echo] }\n'
const provider = 'issuer: https://auth.example.com, client_id: c'

test.each([
  [`databse: x\n${command}`, 'databse is no key here: is database meant?'],
  [`zzzzzzzz: x\n${command}`, 'zzzzzzzz is no key here: there are gateway, endpoints'],
  [`port: x\n${command}`, 'port is no key here'],
  ['sign_in: { flow: browsr }', 'sign_in.flow must be one of browser, device'],
  ['sign_in: { flow: browsr }', 'is browser meant?'],
  ['{}', 'sign_in is required'],
  ['sign_in: {}', 'sign_in.flow is required: one of browser'],
  ['- a', 'it must be a mapping of keys to values'],
  ['sign_in: text', 'sign_in must be a mapping of keys to values'],
  [`database: 7\n${command}`, 'database must be text: put the value in quotes'],
  [`database:\n${command}`, 'database is empty: give it a value, or take the line out'],
  [`database: ''\n${command}`, 'database is empty'],
  [`database: [a]\n${command}`, 'database must be text'],
  [`database: "a\\0b"\n${command}`, 'database has characters that cannot be printed'],
  [`database: ${'x'.repeat(2_001)}\n${command}`, 'database has more than 2000 characters'],
  [`session: yes\n${command}`, 'session must be true or false'],
  [
    `store: keyrng\n${command}`,
    'store must be one of auto, keyring, file, none: is keyring meant?',
  ],
  [`endpoints: x\n${command}`, 'endpoints must be a list of at most 100'],
  [`endpoints: [{ port: 1 }]\n${command}`, 'endpoints[0].host is required'],
  [`endpoints: [{ host: a/b }]\n${command}`, 'endpoints[0].host must be the name or the address'],
  [`endpoints: [{ host: a, port: 0 }]\n${command}`, 'endpoints[0].port must be a number from 1'],
  [`endpoints: [{ host: a, prot: 1 }]\n${command}`, 'endpoints[0].prot is no key here: is port'],
  [`gateway: http://db\n${command}`, 'gateway must be an https URL'],
  [`gateway: https://u:p@db\n${command}`, 'gateway must be an https URL with neither a password'],
  [`gateway: https://db/?a\n${command}`, 'gateway must be an https URL'],
  [`ca_file: ca.crt\n${command}`, 'ca_file must be an absolute path, or begin with ~/'],
  [`session: true\n${command}`, 'gateway is required by session: true'],
  ['sign_in: { flow: gateway }', 'gateway is required by sign_in.flow: gateway'],
  [
    `sign_in: { flow: gateway, ${provider} }`,
    'sign_in.issuer is no key here: there are flow, integ',
  ],
  ['sign_in: { flow: browser, client_id: c }', 'sign_in.issuer is required'],
  ['sign_in: { flow: browser, issuer: auth, client_id: c }', 'sign_in.issuer must be an https URL'],
  [`sign_in: { flow: browser, ${provider}, scopes: openid }`, 'sign_in.scopes must be a list'],
  [`sign_in: { flow: browser, ${provider}, scopes: [1] }`, 'sign_in.scopes[0] must be text'],
  [`sign_in: { flow: browser, ${provider}, use: token }`, 'sign_in.use must be one of id_token'],
  [
    `sign_in: { flow: client_credentials, ${provider} }`,
    'sign_in.client_secret is required by flow',
  ],
  [
    `sign_in: { flow: client_credentials, ${provider}, client_secret: { env: A }, use: id_token }`,
    'sign_in.use must be access_token',
  ],
  [`sign_in: { flow: password, ${provider}, username: a }`, 'sign_in.password is required'],
  ['sign_in: { flow: command, command: [] }', 'sign_in.command must be a list of a program'],
  ['sign_in: { flow: command }', 'sign_in.command is required'],
  ['sign_in: { flow: workload }', 'sign_in.identity is required'],
  ['sign_in: { flow: workload, identity: { kind: aws } }', 'sign_in.identity.kind must be one of'],
  [
    'sign_in: { flow: workload, identity: { kind: env, name: A-B } }',
    'sign_in.identity.name must be the name of a variable',
  ],
  [
    'sign_in: { flow: workload, identity: { kind: google } }',
    'sign_in.identity.audience is required',
  ],
  ['a: 1\n  b: 2', 'line 1: it is no valid YAML'],
  ['a: 1\na: 2', 'line 2: a key is there twice'],
  ['a: *nowhere', 'an alias leads nowhere'],
])('%j is wrong, and the problem says: %s', async (text, said) => {
  const path = await put(text)
  const problem: unknown = await profiles.read('db').catch((error: unknown) => error)
  expect(problem).toMatchObject({ name: 'CredentialProblem', kind: 'configuration' })
  expect(problem).toHaveProperty('message', expect.stringContaining(path))
  expect(problem).toHaveProperty('message', expect.stringContaining(said))
  expect(problem).toHaveProperty('hint', expect.stringContaining('Change the file'))
})

test.each(['client_secret: hunter2', 'client_secret: { value: hunter2 }', 'client_secret: {}'])(
  'a secret that stands in a profile (%s) is not accepted, and not repeated',
  async (line) => {
    await put(`sign_in: { flow: browser, ${provider}, ${line} }`)
    const problem: unknown = await profiles.read('db').catch((error: unknown) => error)
    expect(String(problem)).toContain(
      'sign_in.client_secret is not where a secret is found: give { file: /its/path } or { env:',
    )
    expect(String(problem)).not.toContain('hunter2')
  },
)

test('all that is wrong is said at once, but for more than can be read', async () => {
  const keys = Array.from({ length: 8 }, (_, index) => `key_${index}: 1`).join('\n')
  await put(`${keys}\n${command}`)
  await expect(profiles.read('db')).rejects.toThrow(/key_0 .*; key_4 [^;]*; and 3 more$/)
})

test.each(['../db', 'a/b', '', '.hidden', '-x', 'a b', 'a\n', 'x'.repeat(129), 'ä'])(
  'a profile cannot be named %j',
  async (name) => {
    const named = { name, profile: profileOf() }
    const problem = { kind: 'usage', message: 'that cannot be the name of a profile' }
    await expect(profiles.read(name)).rejects.toMatchObject(problem)
    await expect(profiles.remove(name)).rejects.toMatchObject(problem)
    await expect(profiles.write(named, { makeDefault: true })).rejects.toMatchObject(problem)
    expect(await readdir(home)).toEqual([])
  },
)

test('the profile is the one that is named, that of the environment, the default or the only one', async () => {
  await expect(profiles.read()).rejects.toMatchObject({
    kind: 'configuration',
    hint: expect.stringContaining('portcullis login') as string,
  })
  await profiles.write({ name: 'one', profile: profileOf() }, { makeDefault: false })
  expect((await profiles.read()).name).toBe('one')
  await profiles.write({ name: 'two', profile: profileOf() }, { makeDefault: false })
  await expect(profiles.read()).rejects.toMatchObject({
    hint: expect.stringContaining('one, two') as string,
  })
  await profiles.setDefault('two')
  expect((await profiles.read()).name).toBe('two')
  environment['PORTCULLIS_PROFILE'] = 'one'
  expect((await profiles.read()).name).toBe('one')
  expect((await profiles.read('two')).name).toBe('two')
  expect(await profiles.list()).toEqual([
    { name: 'one', isDefault: false },
    { name: 'two', isDefault: true },
  ])
})

test('a profile that is removed is the default no longer', async () => {
  await profiles.write({ name: 'one', profile: profileOf() }, { makeDefault: false })
  await profiles.write({ name: 'two', profile: profileOf() }, { makeDefault: true })
  await profiles.remove('two')
  expect((await profiles.read()).name).toBe('one')
  await expect(profiles.remove('two')).rejects.toMatchObject({ kind: 'configuration' })
})

test('a name that is not there gets a suggestion', async () => {
  await profiles.write({ name: 'staging', profile: profileOf() }, { makeDefault: false })
  for (const call of ['read', 'setDefault'] as const) {
    await expect(profiles[call]('stagin')).rejects.toMatchObject({
      message: 'there is no profile stagin',
      hint: 'Is staging meant?',
    })
  }
  await expect(profiles.read('x')).rejects.toMatchObject({ hint: 'There are: staging.' })
})

test('a profile that others can write is not read', async () => {
  const path = await put(command)
  await chmod(path, 0o644)
  await profiles.read('db')
  await chmod(path, 0o664)
  await expect(profiles.read('db')).rejects.toMatchObject({
    kind: 'configuration',
    message: `${path} can be written by others`,
    hint: `Run: chmod go-w '${path}'`,
  })
})

test.runIf(process.getuid?.() === 0)('a profile of another user is not read', async () => {
  const path = await put(command)
  await chown(path, 65_534, 65_534)
  await expect(profiles.read('db')).rejects.toMatchObject({
    kind: 'configuration',
    message: `${path} belongs to another user`,
  })
})

test('a profile may be a link, which stays when it is written', async () => {
  const path = await put(command)
  const elsewhere = join(home, 'dotfile.yaml')
  await rm(path)
  await writeFile(elsewhere, command)
  await symlink(elsewhere, path)
  expect((await profiles.read('db')).profile.signIn.flow).toBe('command')
  await profiles.write({ name: 'db', profile: profileOf() }, { makeDefault: false })
  expect(await readFile(elsewhere, 'utf8')).toContain('flow: browser')
})

test('a profile that is long, a pipe or a folder is refused at once', async () => {
  const path = await put(`# ${'x'.repeat(70_000)}\n${command}`)
  await expect(profiles.read('db')).rejects.toThrow('has more than 65536 bytes')
  await rm(path)
  execFileSync('mkfifo', [path])
  await expect(profiles.read('db')).rejects.toThrow('is not a file')
})

test('a relative folder of the environment is not used, as its specification says', () => {
  environment['XDG_CONFIG_HOME'] = 'relative'
  expect(openProfiles(environment).pathOf('db')).toBe(
    join(home, '.config/portcullis/profiles/db.yaml'),
  )
})
