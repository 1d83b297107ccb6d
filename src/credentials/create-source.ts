import type { Environment } from './environment.ts'
import { CredentialProblem } from './problem.ts'
import type { Profile, WorkloadIdentity } from './profile.ts'
import type { SourceContext } from './source-context.ts'
import type { TokenSource } from './source.ts'

/** The source of a profile. What it needs, and what reaches the network, is loaded when it is first asked. */
export function createSource(profile: Profile, environment: Environment): TokenSource {
  const { signIn } = profile
  const context: SourceContext = {
    environment,
    network: lazyNetwork(profile.caFile, environment),
    now: Date.now,
  }
  switch (signIn.flow) {
    case 'browser':
      return lazily(true, signIn.issuer, async () => {
        const { browserSource } = await import('./sources/browser.ts')
        return browserSource(signIn, context)
      })
    case 'client_credentials':
      return lazily(false, signIn.issuer, async () => {
        const { clientCredentialsSource } = await import('./sources/client-credentials.ts')
        return clientCredentialsSource(signIn, context)
      })
    case 'password':
      return lazily(false, signIn.issuer, async () => {
        const { passwordSource } = await import('./sources/password.ts')
        return passwordSource(signIn, context)
      })
    case 'command':
      return lazily(false, signIn.command[0], async () => {
        const { commandSource } = await import('./sources/command.ts')
        return commandSource(signIn.command, environment)
      })
    case 'device':
      return lazily(true, signIn.issuer, async () => {
        const { deviceSource } = await import('./sources/device.ts')
        return deviceSource(signIn, context)
      })
    case 'gateway': {
      const { gateway, database } = profile
      if (gateway === undefined) throw noGateway()
      return lazily(true, gateway, async () => {
        const { gatewaySource } = await import('./sources/gateway.ts')
        const { integration } = signIn
        return gatewaySource({ gateway, database, integration }, context)
      })
    }
    case 'workload':
      return lazily(false, platformOf(signIn.identity), async () => {
        const { workloadSource } = await import('./sources/workload.ts')
        return workloadSource(signIn.identity, context)
      })
  }
}

function noGateway(): CredentialProblem {
  return new CredentialProblem('configuration', 'the profile has no gateway to sign in by', {
    hint: 'Run portcullis login with the host of the gateway, which writes the profile anew.',
  })
}

/** For messages. */
function platformOf({ kind }: WorkloadIdentity): string {
  const names: Partial<Record<WorkloadIdentity['kind'], string>> = {
    github: 'GitHub Actions',
    google: "Google's metadata server",
    azure: 'Microsoft Entra ID',
  }
  return names[kind] ?? 'the workload identity'
}

function lazyNetwork(
  caFile: string | undefined,
  environment: Environment,
): SourceContext['network'] {
  let find: SourceContext['network'] | undefined
  return async () => {
    if (find === undefined) {
      const { findNetwork } = await import('./network.ts')
      find = findNetwork(caFile, environment)
    }
    return find()
  }
}

/** A source that is made when it is needed, and whose errors are for whoever wants a token. */
function lazily(needsPerson: boolean, who: string, load: () => Promise<TokenSource>): TokenSource {
  let loaded: Promise<TokenSource> | undefined
  const run = async <T>(work: (source: TokenSource) => Promise<T>): Promise<T> => {
    try {
      return await work(await (loaded ??= load()))
    } catch (error) {
      const { explainProblem } = await import('./explain-problem.ts')
      throw explainProblem(error, who)
    }
  }
  return {
    needsPerson,
    refresh: async (last, signal) => run(async (source) => source.refresh(last, signal)),
    obtain: async (interaction, signal) =>
      run(async (source) => source.obtain(interaction, signal)),
    revoke: async (last, signal) => run(async (source) => source.revoke(last, signal)),
  }
}
