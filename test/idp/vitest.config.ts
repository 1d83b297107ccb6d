import { defineConfig } from 'vitest/config'

/** Apart from the other suites: the providers do not come from npm. */
export default defineConfig({
  test: {
    include: ['test/idp/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 15_000, interval: 20 } },
    teardownTimeout: 20_000,
  },
})
