import { defineConfig } from 'vitest/config'

/** Apart from the other suites: these need HAProxy, which does not come from npm, and the machine for themselves. */
export default defineConfig({
  test: {
    include: ['test/fleet/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000, interval: 20 } },
    teardownTimeout: 20_000,
  },
})
