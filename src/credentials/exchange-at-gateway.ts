// The session token of a gateway for a token of its provider. What reaches the network is loaded when it is needed.
import type { Environment } from './environment.ts'
import type { Profile } from './profile.ts'
import type { Exchange } from './token-keeper.ts'

export function exchangeAt(
  gateway: string,
  { caFile, database }: Profile,
  environment: Environment,
): Exchange {
  return async (grant, signal) => {
    const [{ gatewayApi }, { findNetwork }, { explainProblem }] = await Promise.all([
      import('./gateway-api.ts'),
      import('./network.ts'),
      import('./explain-problem.ts'),
    ])
    try {
      const api = gatewayApi(gateway, findNetwork(caFile, environment))
      const session = await api.exchange(grant.token, { database }, signal)
      return { ...session, principal: session.principal ?? grant.principal }
    } catch (error) {
      throw explainProblem(error, gateway)
    }
  }
}
