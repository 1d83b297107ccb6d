// What a gateway says of itself to anybody, as far as a client needs it.
import { z } from 'zod'
import { CredentialProblem } from './problem.ts'

const most = 200
const longestUrl = 500

const name = z
  .string()
  .min(1)
  .max(63)
  .regex(/^\P{Cc}+$/u)
/** It becomes a part of addresses, connection strings and files. */
const host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[\w.:-]+$/)
const scope = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)
const httpsUrl = z.url({ protocol: /^https$/ }).max(longestUrl)
const origin = httpsUrl
  .refine((url) => `${new URL(url).origin}/` === new URL(url).href)
  .transform((url) => new URL(url).origin)

/** Members that are not known here are of a later version. */
const description = z.object({
  format: z.literal(1),
  session_tokens: z.boolean(),
  pools: z
    .array(
      z.object({
        name,
        endpoints: z.array(z.object({ host, port: z.int().min(1).max(65_535) })).max(most),
        api_url: origin,
        integrations: z.array(name).max(most).optional(),
        sso_integration: name.optional(),
        server_names: z.array(host).max(most).default([]),
        client_certificate: z.boolean().default(false),
      }),
    )
    .max(most),
  integrations: z
    .array(
      z.object({
        name,
        issuer: httpsUrl,
        public_client: z.boolean(),
        client_id: z.string().min(1).max(longestUrl).optional(),
        scopes: z.array(scope).max(most).default([]),
        usual: z.boolean().default(true),
        primary: z.boolean().default(false),
      }),
    )
    .max(most),
})

export type GatewayDescription = z.output<typeof description>
export type DescribedPool = GatewayDescription['pools'][number]
export type DescribedIntegration = GatewayDescription['integrations'][number]

/** Throws where it is not one, or of a format that is not known here. Nothing of it is told that was not looked at. */
export function readDescription(value: unknown, gateway: string): GatewayDescription {
  const { success, data, error } = description.safeParse(value)
  if (success) return data
  const [issue] = error.issues
  const isLater = issue?.path[0] === 'format'
  throw new CredentialProblem(
    isLater ? 'failed' : 'unreachable',
    isLater
      ? `${gateway} describes itself in a way that is not known here`
      : `${gateway} gives no description of a gateway that can be used (${issue?.path.join('.') ?? ''})`,
    {
      hint: isLater
        ? 'It may be newer than this program: look for a newer one.'
        : 'Look whether the address is that of its pages, web.public_url of its configuration.',
    },
  )
}
