import { defineConfig } from 'vitest/config'

/** The tests that a mutant has to get past: those that need no socket to PostgreSQL and no child process. */
export default defineConfig({
  test: {
    include: [
      'test/unit/{identity,policy,session}/**/*.test.ts',
      'test/unit/refusal.test.ts',
      'test/property/decide.property.test.ts',
    ],
    testTimeout: 5_000,
  },
})
