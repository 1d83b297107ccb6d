// A gateway and a provider whose tokens are short, and somebody who has a profile for each program.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
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
/** Nobody has a profile of this name. */
const missing = 'no-such-profile'

export class Scene {
  readonly #stack: Stack
  readonly #machine: ClientMachine
  readonly #load: Load
  readonly #secrets: ReadonlyMap<string, string>
  #loadedFrom = 0

  private constructor(
    stack: Stack,
    machine: ClientMachine,
    load: Load,
    secrets: ReadonlyMap<string, string>,
  ) {
    this.#stack = stack
    this.#machine = machine
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
          // A token that is over is refused at once.
          leeway: '0s',
        }
        for (const name of names) config.integrations[name] = { ...base, client_id: name }
        config.databases['system'] = { integrations: names, primary: okta.id }
      },
    })
    const machine = await ClientMachine.start()
    const scene = new Scene(stack, machine, load, secrets)
    const persons = languages.filter(({ signIn }) => signIn === 'password')
    for (const language of machines) await scene.#writeProfile(language, undefined)
    for (const [i, language] of persons.entries()) await scene.#writeProfile(language, people[i])
    // What is installed as `portcullis`, and a line for each time that it is run.
    const command = `#!/bin/sh
echo "$PORTCULLIS_PROFILE" >>"$HOME/runs"
exec '${join(staged, 'bin', 'portcullis')}' "$@"
`
    await machine.write('bin/portcullis', command, 0o755)
    await machine.write('runs', '')
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

  /** Undefined, or why whoever runs the program would not learn why there is no token. */
  async tryWithoutToken(
    language: Language,
    folder: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { failure, stdout, stderr } = await runProgram(language.runRecipes, {
      ...{ folder, signal, seconds: recipeSeconds },
      environment: { ...this.#environment(language), PORTCULLIS_PROFILE: missing },
      path: this.#path,
    })
    const said = stdout + stderr
    if (failure !== undefined && said.includes(missing)) return undefined
    return `: ${failure ?? 'it did not fail'}, and did not say why\n${said.slice(-shownCharacters)}`
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

  /** From now on, logins and runs of the command are those of the load. */
  async begin(): Promise<void> {
    this.#loadedFrom = Date.now()
    await this.#machine.write('runs', '')
  }

  /** Its queries, for as long as the load says. */
  async load(language: Language, folder: string, signal: AbortSignal): Promise<Outcome> {
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
    const runs = await readFile(join(this.#machine.home, 'runs'), 'utf8')
    const admitted = own.filter(({ status }) => status === 'Success')
    return {
      connections: admitted.length,
      runs: runs.split('\n').filter((line) => line === name).length,
      tokens: new Set(admitted.map(({ session }) => session.expiration_time)).size,
      refusals: records
        .filter(({ status }) => status !== 'Success')
        .map(({ status_detail }) => status_detail ?? 'no reason'),
    }
  }

  /** With `portcullis`. */
  get #path(): string {
    return [join(this.#machine.home, 'bin'), programPath].join(delimiter)
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
