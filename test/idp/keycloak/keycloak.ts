import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Authority } from '../../../demo/certificates.ts'
import { freePort } from '../../../demo/ports.ts'
import { type Requested, request } from '../support/request.ts'
import { ServerProcess } from '../support/server-process.ts'
import { realm, realmName } from './realm.ts'

const admin = { id: 'administrator', secret: 'the secret of the administrator' }

type Json = Readonly<Record<string, unknown>>

/** A real Keycloak: on loopback with a certificate of the test's authority, its data in memory. */
export class Keycloak {
  readonly issuer: string
  readonly #base: string
  readonly #authority: string
  readonly #folder: string
  readonly #server: ServerProcess

  private constructor(base: string, authority: string, folder: string, server: ServerProcess) {
    this.issuer = `${base}/realms/${realmName}`
    this.#base = base
    this.#authority = authority
    this.#folder = folder
    this.#server = server
  }

  /** `home` is where its distribution is; `address` that of our pages. */
  static async start(home: string, authority: Authority, address: string): Promise<Keycloak> {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-keycloak-'))
    const { certificate, key } = await authority.issue({ commonName: 'keycloak' })
    const file = (name: string): string => join(folder, name)
    await Promise.all([
      writeFile(file('ca.crt'), authority.certificate),
      writeFile(file('tls.crt'), certificate),
      writeFile(file('tls.key'), key, { mode: 0o600 }),
    ])
    const port = await freePort()
    const base = `https://localhost:${port}`
    const server = await ServerProcess.start({
      command: [
        ...[join(home, 'bin', 'kc.sh'), 'start', '--optimized', `--hostname=${base}`],
        ...['--http-host=127.0.0.1', `--https-port=${port}`, '--cache=local'],
        ...[`--https-certificate-file=${file('tls.crt')}`],
        ...[`--https-certificate-key-file=${file('tls.key')}`],
        // Our pages, which it tells of logouts.
        `--truststore-paths=${file('ca.crt')}`,
      ],
      environment: {
        PATH: process.env['PATH'],
        JAVA_HOME: process.env['JAVA_HOME'],
        JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx320m',
        JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
        KC_BOOTSTRAP_ADMIN_CLIENT_ID: admin.id,
        KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: admin.secret,
      },
      ready: /Listening on:/,
    })
    const keycloak = new Keycloak(base, authority.certificate, folder, server)
    try {
      await keycloak.administer('POST', '', realm(address))
    } catch (error) {
      await keycloak[Symbol.asyncDispose]()
      throw error
    }
    return keycloak
  }

  get log(): string {
    return this.#server.log
  }

  /** One call of the admin API, below the realm. */
  async administer(method: string, path: string, body?: Json): Promise<unknown> {
    const isRealm = method === 'POST' && path === ''
    const realms = `${this.#base}/admin/realms`
    const bearer = await this.#administrator()
    const url = isRealm ? realms : `${realms}/${realmName}${path}`
    const answer = await this.#request(method, url, { bearer, ...(body && { body }) })
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}\n${this.log}`)
    }
    return answer.json
  }

  /** Makes a key that signs from now on, if its priority is the highest. */
  async addKeys(name: string, priority: number): Promise<void> {
    const id = ((await this.administer('GET', '')) as { id: string }).id
    await this.administer('POST', '/components', {
      name,
      providerId: 'rsa-generated',
      providerType: 'org.keycloak.keys.KeyProvider',
      parentId: id,
      config: {
        priority: [String(priority)],
        enabled: ['true'],
        active: ['true'],
        algorithm: ['RS256'],
        keySize: ['2048'],
      },
    })
  }

  async #componentOf(name: string): Promise<string> {
    const type = 'type=org.keycloak.keys.KeyProvider'
    const all = (await this.administer('GET', `/components?${type}`)) as {
      readonly id: string
      readonly name: string
    }[]
    return all.find((one) => one.name === name)?.id ?? ''
  }

  async removeKeys(name: string): Promise<void> {
    await this.administer('DELETE', `/components/${await this.#componentOf(name)}`)
  }

  /** Ends what somebody has open there, as an administrator does. */
  async signOut(username: string): Promise<void> {
    const [user] = (await this.administer('GET', `/users?username=${username}&exact=true`)) as [
      { readonly id: string },
    ]
    await this.administer('POST', `/users/${user.id}/logout`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #administrator(): Promise<string> {
    const url = `${this.#base}/realms/master/protocol/openid-connect/token`
    const form = {
      grant_type: 'client_credentials',
      client_id: admin.id,
      client_secret: admin.secret,
    }
    const { json } = await this.#request('POST', url, { form })
    return String((json as Json)['access_token'])
  }

  async #request(
    method: string,
    url: string,
    more: Omit<Requested, 'method' | 'authority'>,
  ): ReturnType<typeof request> {
    return request(url, { method, authority: this.#authority, ...more })
  }
}
