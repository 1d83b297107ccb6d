import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Suites that need more than npm have programs of their own.
    exclude: ['extended', 'browser', 'deploy', 'fleet', 'fronts', 'idp', 'observability'].map(
      (suite) => `test/${suite}/**`,
    ),
    pool: 'forks',
    // They wait for servers more than they compute.
    maxWorkers: '100%',
    // On a machine that others share, what is waited for may come too late once. The report says who needed it.
    retry: process.env['CI'] === undefined ? 0 : 1,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What another process writes is waited for.
    expect: { poll: { timeout: 15_000, interval: 20 } },
    // A suite that hangs says so instead of holding up the run.
    teardownTimeout: 20_000,
  },
})
