import { defineConfig } from 'vitest/config'

/** Apart from the other suites: these need load balancers, which do not come from npm. */
export default defineConfig({
  test: {
    include: ['test/fronts/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000, interval: 20 } },
    teardownTimeout: 20_000,
  },
})
