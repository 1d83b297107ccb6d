import type { Target } from '../target.ts'
import type { TargetName } from './names.ts'

/** Each is loaded when it is made; undefined where what it would read is not there. */
export const targets: Readonly<Record<TargetName, () => Promise<Target | undefined>>> = {
  startup: async () => (await import('./startup.ts')).startupTarget(),
  password: async () => (await import('./password.ts')).passwordTarget(),
  'proxy-header': async () => (await import('./proxy-header.ts')).proxyHeaderTarget(),
  scram: async () => (await import('./scram.ts')).scramTarget(),
  'scram-relay': async () => (await import('./scram-relay.ts')).scramRelayTarget(),
  oauthbearer: async () => (await import('./oauthbearer.ts')).oauthbearerTarget(),
  backend: async () => (await import('./backend.ts')).backendTarget(),
  'splice-state': async () => (await import('./splice-state.ts')).spliceStateTarget(),
  session: async () => (await import('./session.ts')).sessionTarget(),
  console: async () => (await import('./console.ts')).consoleTarget(),
  upstream: async () => (await import('./upstream.ts')).upstreamTarget(),
}
