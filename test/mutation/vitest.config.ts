import { defineConfig } from 'vitest/config'

/** The tests that a mutant has to get past: those that need no socket to PostgreSQL and no child process. */
export default defineConfig({
  test: {
    include: [
      'test/unit/{identity,policy,session}/**/*.test.ts',
      'test/unit/refusal.test.ts',
      'test/property/decide.property.test.ts',
    ],
    // About what is left out of the changes.
    exclude: [
      'test/unit/identity/assess-*.test.ts',
      'test/unit/identity/device-grant.test.ts',
      'test/unit/policy/lint-*.test.ts',
      'test/unit/session/registry.test.ts',
      // It sets a umask, which a worker of Stryker cannot.
      'test/unit/session/unix-socket.test.ts',
    ],
    isolate: false,
    testTimeout: 5_000,
  },
})
