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

const programs: Readonly<Record<'keycloak' | 'dex', Buildable>> = {
  keycloak: {
    name: 'keycloak',
    needs: [
      { what: 'Java', probe: ['java', '--version'], debian: 'default-jre-headless' },
      { what: 'mvn', probe: ['mvn', '--version'], debian: 'maven' },
    ],
    build: [
      ['rm', '-rf', 'home'],
      [
        ...['mvn', '--quiet', '--batch-mode', `${mavenPlugin}:copy`],
        ...[`-Dartifact=${keycloak}`, '-DoutputDirectory=.'],
      ],
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
    needs: [
      { what: 'go', probe: ['go', 'version'], debian: 'golang' },
      { what: 'a C compiler', probe: ['cc', '--version'], debian: 'gcc' },
    ],
    // go.sum has the checksum of each of its modules.
    build: [
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
  /** Where it is, if it was built. */
  readonly path: string
}

/** In the cache of the drivers, under the same conditions. */
export async function buildProvider(
  name: ProviderName,
  signal: AbortSignal,
): Promise<BuiltProvider> {
  const files = await filesIn(fileURLToPath(new URL(`./${name}/build`, import.meta.url)))
  const build = await buildFrom(programs[name], files, signal)
  return { build, path: build.state === 'ready' ? join(build.folder, built[name]) : '' }
}
