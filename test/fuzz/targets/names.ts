export const targetNames = [
  'startup',
  'password',
  'proxy-header',
  'scram',
  'scram-relay',
  'oauthbearer',
  'backend',
  'splice-state',
  'session',
  'upstream',
  'console',
] as const

export type TargetName = (typeof targetNames)[number]

export function isTargetName(text: string): text is TargetName {
  return (targetNames as readonly string[]).includes(text)
}
