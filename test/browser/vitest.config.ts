import { defineConfig } from 'vitest/config'

/** Apart from the other suites: these need a browser, which does not come from npm. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 15_000, interval: 20 } },
    teardownTimeout: 20_000,
  },
})
