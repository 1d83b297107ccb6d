// Arguments of psql and of others that say where to connect: a token goes to the gateway of its profile alone.
import type { LibpqConnection } from '../../credentials/libpq.ts'
import { CredentialProblem } from '../../credentials/problem.ts'
import type { GatewayEndpoint } from '../../credentials/profile.ts'
import { readConnectionString } from './connection-string.ts'

type Endpoints = LibpqConnection['endpoints']

/** What psql does with a port that is there and empty. */
const defaultPort = '5432'

/** What would lead elsewhere whatever it says, or past the certificate of the gateway. */
const elsewhere: Readonly<Record<string, string>> = {
  hostaddr: 'an address instead of the name that the certificate has',
  service: 'a section of pg_service.conf, which may name any server',
  servicefile: 'a section of pg_service.conf, which may name any server',
  requiressl: 'TLS without a look at the certificate',
  ssl: 'TLS without a look at the certificate',
}

/** What alone may stand there. */
const only: Readonly<Record<string, string>> = { sslmode: 'verify-full', gssencmode: 'disable' }

/**
 * The endpoints to which a connection string may lead, given those of the profile. A problem `usage` where it leads
 * to any other one: libpq would send it the token.
 */
export function endpointsNamed(text: string, endpoints: Endpoints): Endpoints {
  const parameters = readConnectionString(text)
  if (parameters === undefined) {
    throw new CredentialProblem('usage', 'an argument looks like a connection string and is none')
  }
  for (const { name, value } of parameters) {
    const what = elsewhere[name]
    if (what !== undefined) throw refused(`${name} in a connection string means ${what}`)
    const wanted = only[name]
    if (wanted !== undefined && value !== wanted) {
      throw refused(`${name} in a connection string can be ${wanted} alone`)
    }
  }
  const values = (wanted: string): readonly string[] =>
    parameters.flatMap(({ name, value }) => (name === wanted ? [value] : []))
  const [hosts, ports] = [values('host'), values('port')]
  if (hosts.length > 1 || ports.length > 1) {
    throw refused('a connection string says twice where to connect')
  }
  return chooseEndpoints({ hosts: hosts[0], ports: ports[0] }, endpoints)
}

/** The endpoints of the profile that are meant by hosts and ports as libpq has them; undefined: not said. */
export function chooseEndpoints(
  said: { readonly hosts: string | undefined; readonly ports: string | undefined },
  endpoints: Endpoints,
): Endpoints {
  const ports = said.ports?.split(',').map((port) => (port === '' ? defaultPort : port))
  const chosen =
    said.hosts === undefined
      ? endpoints.filter(({ port }) => ports === undefined || isOnly(ports, port))
      : said.hosts.split(',').map((host, index) => {
          const wanted = ports?.length === 1 ? ports[0] : ports?.[index]
          const found = endpoints.find(
            (one) => isSameHost(one, host) && (ports === undefined || String(one.port) === wanted),
          )
          if (found === undefined) throw notOurs(host, wanted, endpoints)
          return found
        })
  const [first, ...others] = chosen
  if (first === undefined) throw notOurs(undefined, said.ports, endpoints)
  return [first, ...others]
}

function isOnly(ports: readonly string[], port: number): boolean {
  return ports.length === 1 && ports[0] === String(port)
}

function isSameHost({ host }: GatewayEndpoint, other: string): boolean {
  return host.toLowerCase() === other.toLowerCase()
}

function notOurs(
  host: string | undefined,
  port: string | undefined,
  endpoints: Endpoints,
): CredentialProblem {
  const where = [host, port].filter((part) => part !== undefined).join(':')
  const known = endpoints.map((one) => `${one.host}:${one.port}`).join(', ')
  return refused(`"${where}" is not this gateway, which is ${known}`)
}

function refused(what: string): CredentialProblem {
  return new CredentialProblem('usage', what, {
    hint: 'A token is sent to the gateway of its profile alone. Leave out where to connect, or choose another profile with --profile.',
  })
}
