// Who may import whom inside src/, as one table. A folder may always import itself.
const mayImport = {
  refusal: [],
  'environment-proxy': [],
  'nearest-name': [],
  pem: [],
  sasl: [],
  config: [],
  wire: ['refusal'],
  identity: ['refusal'],
  policy: ['refusal', 'identity'],
  upstream: ['refusal', 'wire', 'sasl'],
  session: ['refusal', 'wire', 'sasl', 'identity', 'policy', 'upstream'],
  fleet: ['refusal', 'session', 'wire', 'admin'],
  admin: ['refusal', 'wire', 'policy', 'identity', 'session', 'fleet'],
  web: ['refusal', 'wire', 'policy', 'identity', 'session', 'fleet', 'admin'],
  telemetry: ['refusal', 'session'],
  files: [],
  catalog: ['config', 'admin', 'telemetry', 'files', 'fleet'],
  shared: [
    'config',
    'admin',
    'catalog',
    'fleet',
    'session',
    'files',
    'fleet-sessions',
    'gates',
    'telemetry',
  ],
  credentials: ['refusal', 'identity', 'files'],
  agent: ['refusal', 'wire', 'sasl', 'upstream', 'session', 'credentials'],
  why: ['session'],
  'support-bundle': ['config'],
  cli: [
    'telemetry',
    ...['refusal', 'config', 'catalog', 'identity', 'policy', 'grants', 'inspection'],
    ...['credentials', 'agent', 'files', 'session', 'why', 'support-bundle'],
  ],
  grants: ['refusal', 'config', 'upstream', 'sasl', 'telemetry', 'compose-rules'],
  inspection: [
    ...['refusal', 'config', 'identity', 'policy', 'upstream', 'sasl', 'telemetry'],
    'compose-rules',
  ],
}

/** Leaves that anybody may import. */
const common = ['environment-proxy', 'nearest-name', 'pem']

const folders = Object.entries(mayImport).map(([from, to]) => ({
  name: `${from}-imports`,
  severity: 'error',
  from: { path: `^src/${from}[/.]` },
  to: { path: '^src/', pathNot: [`^src/(${[from, ...common, ...to].join('|')})[/.]`] },
}))

/** Pure folders open no socket, file or process: what they decide depends on their arguments alone. */
const pure = {
  name: 'pure-folders-do-no-io',
  severity: 'error',
  from: { path: '^src/(wire|policy|refusal|admin/grammar)[/.]' },
  to: { dependencyTypes: ['core'], path: '^(node:)?(net|tls|fs|http|https|dns|child_process)' },
}

export default {
  forbidden: [
    ...folders,
    pure,
    {
      name: 'inspection-types-only',
      severity: 'error',
      comment: 'the command line shows what inspections find, and is given what makes them',
      from: { path: '^src/cli/' },
      to: { path: '^src/inspection/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'types-only',
      severity: 'error',
      comment:
        'fleet, telemetry and operators see the types of sessions and of the console, never their machinery',
      from: { path: '^src/(fleet|telemetry|why|cli)/' },
      to: { path: '^src/(session|admin)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'principals-are-verified',
      severity: 'error',
      comment: 'nobody is anybody but by a token that was verified, of a provider or of our own',
      from: { pathNot: '^src/identity/verify(-session)?-token\\.ts$' },
      to: { path: '^src/identity/make-principal\\.ts$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: '^src/(main|credentials/index|cli/client/open-url)\\.ts$',
      },
      to: {},
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
}
