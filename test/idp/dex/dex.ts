import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Authority } from '../../../demo/certificates.ts'
import { freePort } from '../../../demo/ports.ts'
import { ServerProcess } from '../support/server-process.ts'

export const password = 'a password of the tests'
export const webSecret = 'the secret of the pages'
/** bcrypt of the password, as cheap as Dex takes it. */
const hash = '$2b$10$abcdefghijklmnopqrstuu8CW9EmJsI9zZnesxGrkGdsQI/hGXXEu'

/** A real Dex: on loopback with a certificate of the test's authority, its data in memory. */
export class Dex {
  readonly issuer: string
  readonly #program: string
  readonly #folder: string
  #server: ServerProcess

  private constructor(program: string, issuer: string, folder: string, server: ServerProcess) {
    this.#program = program
    this.issuer = issuer
    this.#folder = folder
    this.#server = server
  }

  /** `address` is that of our pages. */
  static async start(program: string, authority: Authority, address: string): Promise<Dex> {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-dex-'))
    const { certificate, key } = await authority.issue({ commonName: 'dex' })
    const port = await freePort()
    const issuer = `https://localhost:${port}/dex`
    await Promise.all([
      writeFile(join(folder, 'tls.crt'), certificate),
      writeFile(join(folder, 'tls.key'), key, { mode: 0o600 }),
      writeFile(join(folder, 'dex.yaml'), stringify(configuration(issuer, port, folder, address))),
    ])
    return new Dex(program, issuer, folder, await run(program, folder))
  }

  get log(): string {
    return this.#server.log
  }

  /** With keys of its own from then on, and none of before. */
  async restart(): Promise<void> {
    await this.#server.stop()
    this.#server = await run(this.#program, this.#folder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function run(program: string, folder: string): Promise<ServerProcess> {
  return ServerProcess.start({
    command: [program, 'serve', join(folder, 'dex.yaml')],
    environment: { PATH: process.env['PATH'] },
    ready: /listening on.*https/,
  })
}

function configuration(issuer: string, port: number, folder: string, address: string): object {
  return {
    issuer,
    storage: { type: 'memory' },
    web: {
      https: `127.0.0.1:${port}`,
      tlsCert: join(folder, 'tls.crt'),
      tlsKey: join(folder, 'tls.key'),
    },
    // It looks every half a minute whether it is time.
    expiry: { signingKeys: '10s', idTokens: '5m' },
    oauth2: { skipApprovalScreen: true },
    staticClients: [
      { id: 'portcullis-cli', name: 'Portcullis', public: true },
      {
        ...{ id: 'portcullis-web', name: 'Portcullis', secret: webSecret },
        redirectURIs: [`${address}/sign-in/callback`],
      },
    ],
    // Its own way to somebody who is in a group without a directory.
    connectors: [{ type: 'mockCallback', id: 'mock', name: 'Mock' }],
    enablePasswordDB: true,
    staticPasswords: [{ email: 'alice@example.com', username: 'alice', userID: '0001', hash }],
  }
}
