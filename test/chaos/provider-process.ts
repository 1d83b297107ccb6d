// The identity provider as a process of its own, so that it can be killed. Forked by provider.test.ts.
import type { CertificateAndKey } from '../../demo/certificates.ts'
import { startProvider } from '../../demo/provider.ts'

export interface ProviderStart {
  readonly tls: CertificateAndKey
  readonly port?: number
}

export interface ProviderStarted {
  readonly port: number
  /** ID tokens of alice. */
  readonly tokens: readonly string[]
}

process.once('message', (start: ProviderStart) => {
  const begin = async (): Promise<void> => {
    const provider = await startProvider(start)
    const tokens = await Promise.all([1, 2, 3].map(async () => provider.mintIdToken('alice')))
    process.send?.({ port: provider.port, tokens } satisfies ProviderStarted)
  }
  void begin()
})
process.once('disconnect', () => process.exit())
