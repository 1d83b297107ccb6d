// The providers as their projects publish them: fetched and built once, by the ordinary client of their registry.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Build, type Buildable, buildFrom, filesIn } from '../drivers/build.ts'

const keycloak = 'org.keycloak:keycloak-quarkus-dist:26.7.3:tar.gz'
const archive = 'keycloak-quarkus-dist-26.7.3.tar.gz'
const mavenPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

/** What nobody here asks it for, and costs it time to start. */
const unused = [
  ...[
    'admin',
    'account',
    'account-api',
    'authorization',
    'admin-fine-grained-authz',
    'ciba',
    'par',
  ],
  ...['impersonation', 'kerberos', 'organization', 'client-policies', 'user-event-metrics'],
  ...['docker', 'web-authn', 'passkeys', 'opentelemetry', 'step-up-authentication-saml'],
]

interface Fetched extends Buildable {
  /** The command that needs the network, as far as `build` says what failed. */
  readonly fetch: readonly string[]
}

const copyKeycloak = [
  ...['mvn', '--quiet', '--batch-mode', `${mavenPlugin}:copy`],
  ...[`-Dartifact=${keycloak}`, '-DoutputDirectory=.'],
]
// Fetches what is needed of its modules, of which go.sum has the checksums.
const listDex = ['go', 'list', '-mod=readonly', '-deps', '-f', '', 'github.com/dexidp/dex/cmd/dex']

const programs: Readonly<Record<'keycloak' | 'dex', Fetched>> = {
  keycloak: {
    name: 'keycloak',
    fetch: copyKeycloak,
    needs: [
      { what: 'Java', probe: ['java', '--version'], debian: 'default-jre-headless' },
      { what: 'mvn', probe: ['mvn', '--version'], debian: 'maven' },
    ],
    build: [
      ['rm', '-rf', 'home'],
      copyKeycloak,
      ['sha256sum', '--check', '--strict', '--quiet', 'SHA256SUMS'],
      ['mkdir', 'home'],
      ['tar', '--extract', '--gzip', '--strip-components=1', '--directory=home', '--file', archive],
      // Maven keeps its own.
      ['rm', archive],
      ['home/bin/kc.sh', 'build', '--db=dev-mem', `--features-disabled=${unused.join(',')}`],
    ],
  },
  dex: {
    name: 'dex',
    fetch: listDex,
    needs: [
      { what: 'go', probe: ['go', 'version'], debian: 'golang' },
      { what: 'a C compiler', probe: ['cc', '--version'], debian: 'gcc' },
    ],
    build: [
      listDex,
      [
        ...['env', 'CGO_ENABLED=1', 'go', 'build', '-mod=readonly', '-trimpath', '-o', 'dex'],
        'github.com/dexidp/dex/cmd/dex',
      ],
    ],
  },
}

const built = { keycloak: 'home', dex: 'dex' } as const

export type ProviderName = keyof typeof built
export const providerNames = Object.keys(built) as readonly ProviderName[]

export interface BuiltProvider {
  readonly build: Build
  /** Where it is; empty where it was not built. */
  readonly path: string
}

/** In the cache of the drivers, under the same conditions; skipped too where it cannot be fetched. */
export async function buildProvider(
  name: ProviderName,
  signal: AbortSignal,
): Promise<BuiltProvider> {
  const { fetch, ...program } = programs[name]
  const files = await filesIn(fileURLToPath(new URL(`./${name}/build`, import.meta.url)))
  const build = await buildFrom(program, files, signal)
  if (build.state === 'ready') return { build, path: join(build.folder, built[name]) }
  const isUnfetched = build.state === 'failed' && build.why.startsWith(`${fetch.join(' ')}: `)
  const skipped = { state: 'skipped', why: `it cannot be fetched here: ${build.why}` } as const
  return { build: isUnfetched ? skipped : build, path: '' }
}
