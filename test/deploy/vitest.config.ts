import { defineConfig } from 'vitest/config'

/** Apart from the other suites: these need tools that do not come from npm. */
export default defineConfig({
  test: {
    include: ['test/deploy/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 120_000,
    // Tools are compiled at their first use.
    hookTimeout: 900_000,
  },
})
