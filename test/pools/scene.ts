// A gateway and a provider whose tokens are short, and somebody who has a profile for each program.
import { randomBytes } from 'node:crypto'
import { delimiter, join } from 'node:path'
import { stringify } from 'yaml'
import { passwordClient } from '../../demo/password-grant.ts'
import { databaseAudience, groupsClaim, machineClient } from '../../demo/provider-configuration.ts'
import { programPath, runProgram } from '../drivers/program.ts'
import { ClientMachine } from '../support/client-machine.ts'
import { Stack } from '../support/stack.ts'
import type { Logins, Outcome } from './judge.ts'
import type { Language } from './languages.ts'

export interface Load {
  readonly tokenSeconds: number
  readonly seconds: number
  /** How long connections are kept. */
  readonly lifetimeSeconds: number
  readonly querySeconds: number
  readonly fewestTokens: number
}

const role = 'app_readonly'
/** People sign in with passwords here, one for each language that has such a program. */
const people = ['alice', 'bob']
const recipeSeconds = 60
const startSeconds = 60
const shownCharacters = 2000
const okta = { id: 'okta', user: 'alice' }

export class Scene {
  readonly #stack: Stack
  readonly #machine: ClientMachine
  readonly #staged: string
  readonly #load: Load
  readonly #secrets: ReadonlyMap<string, string>
  #loadedFrom = 0

  private constructor(
    stack: Stack,
    machine: ClientMachine,
    staged: string,
    load: Load,
    secrets: ReadonlyMap<string, string>,
  ) {
    this.#stack = stack
    this.#machine = machine
    this.#staged = staged
    this.#load = load
    this.#secrets = secrets
  }

  static async start(languages: readonly Language[], staged: string, load: Load): Promise<Scene> {
    const names = [...languages.map(({ name }) => name), okta.id]
    const secrets = new Map(
      names.map((name) => [name, randomBytes(24).toString('base64url')] as const),
    )
    const machines = languages.filter(({ signIn }) => signIn === 'client_credentials')
    const { tokenSeconds } = load
    const stack = await Stack.start({
      tokenLifetimes: { idTokenSeconds: tokenSeconds, accessTokenSeconds: tokenSeconds },
      clients: [...secrets].map(([name, secret]) =>
        machines.some((machine) => machine.name === name)
          ? { ...machineClient(secret), client_id: name }
          : passwordClient(name, secret),
      ),
      configure: (config) => {
        const { issuer, custom_ca } = config.integrations['people'] ?? {}
        const base = {
          ...{ issuer, custom_ca, default_group: 'readonly', groups_claim_ids: [groupsClaim] },
          ...{ enable_id_token_authentication: true, additional_audiences: [databaseAudience] },
        }
        for (const name of names) config.integrations[name] = { ...base, client_id: name }
        config.databases['system'] = { integrations: names, primary: okta.id }
      },
    })
    const machine = await ClientMachine.start()
    const scene = new Scene(stack, machine, staged, load, secrets)
    const persons = languages.filter(({ signIn }) => signIn === 'password')
    for (const language of machines) await scene.#writeProfile(language, undefined)
    for (const [i, language] of persons.entries()) await scene.#writeProfile(language, people[i])
    return scene
  }

  /** Undefined, or why not every recipe of the language did what it says. */
  async tryRecipes(
    language: Language,
    folder: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { failure, stdout, stderr } = await runProgram(language.runRecipes, {
      ...{ folder, signal, seconds: recipeSeconds },
      environment: this.#environment(language),
      path: this.#path,
    })
    const said = `\n${stdout}${stderr}`.slice(-shownCharacters)
    if (failure !== undefined) return `: ${failure}${said}`
    const recipes = linesOf(stdout) as readonly { readonly users: readonly string[] }[]
    const isGood = ({ users }: { users: readonly string[] }): boolean =>
      users.length === 2 && users.every((user) => user === role)
    if (recipes.length > 0 && recipes.every(isGood)) return undefined
    return `: not two connections as ${role} by each${said}`
  }

  /** What was written for Okta and CockroachDB: three connections by three ID tokens. */
  async tryOkta(folder: string, signal: AbortSignal): Promise<string | undefined> {
    const { provider, gateway, caFile } = this.#stack
    const address = `localhost:${gateway.port}`
    const { failure, stdout, stderr } = await runProgram(
      ['./client', role, address, 'sandbox', caFile],
      {
        ...{ folder, signal, seconds: recipeSeconds },
        environment: {
          SSL_CERT_FILE: caFile,
          OKTA_URL: `${provider.issuer}/token`,
          CLIENT_ID: okta.id,
          CLIENT_SECRET: this.#secrets.get(okta.id),
          OKTA_USERNAME: okta.user,
          PASSWORD: provider.passwordOf(okta.user),
        },
      },
    )
    if (failure !== undefined) return `: ${failure}\n${stderr.slice(-shownCharacters)}`
    return stdout === `${role}\n`.repeat(3) ? undefined : `: not three connections as ${role}`
  }

  /** Its queries, for as long as the load says. */
  async load(language: Language, folder: string, signal: AbortSignal): Promise<Outcome> {
    this.#loadedFrom ||= Date.now()
    const { failure, stdout, stderr } = await runProgram(language.run, {
      ...{ folder, signal, seconds: this.#load.seconds + startSeconds },
      environment: this.#environment(language),
      path: this.#path,
    })
    const [told] = linesOf(stdout) as readonly Omit<Outcome, 'language'>[]
    if (failure === undefined && told !== undefined) return { language, ...told }
    const why = `${failure ?? 'it told nothing'}\n${stderr.slice(-shownCharacters)}`
    return { language, queries: 0, failures: [why] }
  }

  /** What the gateway has seen of a language since the load began. */
  async logins({ name }: Language): Promise<Logins> {
    const records = (await this.#stack.audit()).filter(
      (record) => record.time >= this.#loadedFrom && record.activity_id === 1,
    )
    const own = records.filter(({ unmapped }) => unmapped.portcullis['integration'] === name)
    const admitted = own.filter(({ status }) => status === 'Success')
    return {
      connections: admitted.length,
      tokens: new Set(admitted.map(({ session }) => session.expiration_time)).size,
      refusals: records
        .filter(({ status }) => status !== 'Success')
        .map(({ status_detail }) => status_detail ?? 'no reason'),
    }
  }

  /** With `portcullis`, as it is where it is installed. */
  get #path(): string {
    return [join(this.#staged, 'bin'), programPath].join(delimiter)
  }

  #environment({ name }: Language): NodeJS.ProcessEnv {
    const { gateway, caFile } = this.#stack
    return {
      ...this.#machine.environment,
      PORTCULLIS_PROFILE: name,
      PGHOST: 'localhost',
      PGPORT: String(gateway.port),
      PGDATABASE: 'sandbox',
      PGUSER: role,
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: caFile,
      POOLS_SECONDS: String(this.#load.seconds),
      POOLS_LIFETIME_SECONDS: String(this.#load.lifetimeSeconds),
      POOLS_QUERY_SECONDS: String(this.#load.querySeconds),
    }
  }

  async #writeProfile({ name, signIn }: Language, person: string | undefined): Promise<void> {
    const { provider, gateway, caFile } = this.#stack
    const secret = await this.#machine.write(`secrets/${name}`, this.#secrets.get(name) ?? '')
    const client = { issuer: provider.issuer, client_id: name, client_secret: { file: secret } }
    const personal = person !== undefined && {
      username: person,
      password: {
        file: await this.#machine.write(`secrets/${person}`, provider.passwordOf(person)),
      },
      scopes: ['openid', 'offline_access'],
    }
    const profile = {
      endpoints: [{ host: 'localhost', port: gateway.port }],
      ...{ database: 'sandbox', user: role, ca_file: caFile },
      store: 'file',
      sign_in: { flow: signIn, ...client, ...personal },
    }
    await this.#machine.write(`.config/portcullis/profiles/${name}.yaml`, stringify(profile))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machine[Symbol.asyncDispose]()
    await this.#stack[Symbol.asyncDispose]()
  }
}

/** The lines of JSON among those that a program printed. */
function linesOf(text: string): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): unknown => JSON.parse(line))
}
