// SCRAM-SHA-256-PLUS as PostgreSQL itself has it.
import { expect, test } from 'vitest'
import { Stack } from '../support/stack.ts'

test.each(['require', 'prefer', 'disable'])(
  'PostgreSQL takes the proof with channel_binding: %s',
  async (channel_binding) => {
    await using stack = await Stack.start({
      configure: (config) => {
        Object.assign(config.databases['sandbox']!['upstream'] as object, { channel_binding })
      },
    })
    const { client, processId } = await stack.logIn()
    expect(processId).toBeGreaterThan(0)
    client.destroy()
  },
)
