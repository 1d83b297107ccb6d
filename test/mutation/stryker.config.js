// What `npm run mutation` changes, and what has to notice. Nothing that decides is left out.
export default {
  mutate: [
    'src/identity/**/*.ts',
    'src/policy/**/*.ts',
    'src/session/{attempt,enter-pool,enter-sign-in,read-credential,admit-password,admit-token}.ts',
    'src/session/client-intent.ts',
    'src/session/pending-sign-ins.ts',
    // The words of `portcullis explain` for what a check compares: it decides nothing.
    '!src/identity/describe-check.ts',
    '!src/identity/describe-session-token.ts',
    // Advice of `portcullis check` and `doctor` about a provider and a catalog: no login depends on it.
    '!src/identity/assess-*.ts',
    '!src/identity/finding.ts',
    '!src/identity/peer-certificates.ts',
    '!src/identity/probe-provider.ts',
    '!src/policy/lint-*.ts',
    // How a provider is reached: TLS to it is verified within the tunnel as without one.
    '!src/identity/provider-proxy.ts',
    '!src/identity/tunnel.ts',
    // How a token is come by, which is verified like any other.
    '!src/identity/device-grant.ts',
  ],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  // `related` would leave out tests that reach a file by way of another.
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  // Not copied into the sandbox: nothing there is read by the tests.
  ignorePatterns: ['bench', 'deploy', 'docs', 'dist', 'coverage', 'demo/*.svg'],
  disableTypeChecks: false,
  concurrency: 2,
  // What does not end counts as noticed, and what a busy machine holds up must not.
  timeoutMS: 20_000,
  timeoutFactor: 4,
  incremental: true,
  incrementalFile: 'coverage/mutation/incremental.json',
  tempDirName: 'coverage/mutation/sandbox',
  reporters: ['progress-append-only', 'json', 'html'],
  jsonReporter: { fileName: 'coverage/mutation/mutation.json' },
  htmlReporter: { fileName: 'coverage/mutation/mutation.html' },
}
