// What a platform says of a program that runs on it, so that nobody gives it a secret: OpenID Connect by files,
// variables, and endpoints that only the machine itself reaches.
import { until } from '../deadline.ts'
import type { Grant } from '../grant.ts'
import { CredentialProblem } from '../problem.ts'
import type { WorkloadIdentity } from '../profile.ts'
import { readSmallFile } from '../read-small-file.ts'
import type { SourceContext } from '../source-context.ts'
import type { TokenSource } from '../source.ts'
import { makeGrant } from '../make-grant.ts'
import { askAzure } from './workload/azure.ts'
import { askGithub } from './workload/github.ts'
import { askGoogle } from './workload/google.ts'
import type { PlatformToken } from './workload/platform-token.ts'

const longestFile = 60_000

export function workloadSource(identity: WorkloadIdentity, context: SourceContext): TokenSource {
  const obtain = async (): Promise<Grant> => {
    const { token, from, hint, ...facts } = await ask(identity, context)
    const now = context.now()
    const grant = makeGrant(token, facts, from, now)
    if (grant.expiresAt > now) return grant
    throw new CredentialProblem('failed', `${from} has a token that has expired`, { hint })
  }
  return {
    needsPerson: false,
    // There is always another one to be had in the same way.
    refresh: async () => Promise.resolve(undefined),
    obtain: async (_, signal) => until(obtain(), signal),
    revoke: async () => Promise.resolve(),
  }
}

async function ask(identity: WorkloadIdentity, context: SourceContext): Promise<PlatformToken> {
  switch (identity.kind) {
    case 'file': {
      const { path } = identity
      const text = await readSmallFile(path, longestFile, 'the token of this workload')
      const hint = 'Whatever writes the file anew does so no longer.'
      return { token: text.trim(), from: path, hint }
    }
    case 'environment':
      return fromEnvironment(identity.name, context)
    case 'github':
      return askGithub(identity, context)
    case 'google':
      return askGoogle(identity, context)
    case 'azure':
      return askAzure(identity, context)
  }
}

function fromEnvironment(name: string, { environment }: SourceContext): PlatformToken {
  const token = (environment[name] ?? '').trim()
  const from = `the environment variable ${name}`
  if (token === '') {
    throw new CredentialProblem('configuration', `${from} is empty`, {
      hint: 'It is to hold the token of this workload; GitLab makes one of id_tokens in .gitlab-ci.yml.',
    })
  }
  return { token, from, hint: 'A variable stays as it was at the start: have a longer one made.' }
}
