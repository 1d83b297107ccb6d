// From what somebody types to everything that a profile has to say of a gateway.
import { chooseGateway, type GatewayWish, type KnownGateway } from './choose-gateway.ts'
import type { Environment } from './environment.ts'
import { explainProblem } from './explain-problem.ts'
import { readGatewayAddress } from './gateway-address.ts'
import { gatewayApi } from './gateway-api.ts'
import { type GatewayDescription, readDescription } from './gateway-description.ts'
import { findNetwork } from './network.ts'
import { CredentialProblem } from './problem.ts'

export type { GatewayWish, KnownGateway } from './choose-gateway.ts'

export interface DiscoverOptions extends GatewayWish {
  readonly caFile?: string | undefined
}

export interface DiscoveredGateway extends KnownGateway {
  /** The host that was typed: a name for the profile. */
  readonly host: string
}

/** Throws a CredentialProblem that says what is wrong with the address, or with what is found there. */
export async function discoverGateway(
  typed: string,
  { caFile, ...wish }: DiscoverOptions,
  environment: Environment,
  signal: AbortSignal,
): Promise<DiscoveredGateway> {
  const { host, origins } = readGatewayAddress(typed)
  const network = findNetwork(caFile, environment)
  const describe = async (origin: string): Promise<GatewayDescription> => {
    try {
      return readDescription(await gatewayApi(origin, network).describe(signal), origin)
    } catch (error) {
      throw explainProblem(error, origin)
    }
  }
  const description = await Promise.any(origins.map(describe)).catch((error: unknown) => {
    throw error instanceof AggregateError ? telling(error.errors as readonly unknown[]) : error
  })
  return { host, ...chooseGateway(description, host, wish) }
}

/** Somebody who answers says more of what is wrong than a port where nobody is. */
function telling(errors: readonly unknown[]): unknown {
  const isAnswer = (error: unknown): boolean =>
    !(error instanceof CredentialProblem) ||
    !/ (?:cannot be reached|did not answer)/.test(error.message)
  const [first] = errors
  const chosen = errors.find(isAnswer) ?? first
  if (errors.length === 1 || chosen !== first || isAnswer(first)) return chosen
  return first instanceof CredentialProblem
    ? new CredentialProblem(first.kind, first.message, {
        hint: 'Port 8443 was tried, too. Look whether the host is right, and name the port of the pages where it is another one: db.example.com:9443.',
        cause: first.cause,
      })
    : first
}
