import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { ClientMachine } from '../../support/client-machine.ts'

test('a token by a command is printed, and nothing else is', async () => {
  await using machine = await ClientMachine.start()
  const token = await new SignJWT({ sub: 'alice' })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new Uint8Array(32))
  const profile = {
    endpoints: [],
    session: false,
    store: 'none',
    sign_in: { flow: 'command', command: ['echo', token] },
  }
  await machine.write('.config/portcullis/profiles/default.yaml', JSON.stringify(profile))
  expect(await machine.run(['token'])).toEqual({ code: 0, stdout: `${token}\n`, stderr: '' })
})
