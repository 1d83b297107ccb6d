import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { freePort } from '../../demo/ports.ts'
import { Stack } from '../support/stack.ts'
import { until } from '../support/until.ts'
import { testBehind } from './behind.ts'
import { type Ports, substitute } from './front.ts'
import { haproxy, startHaproxy } from './haproxy.ts'
import { choosePortsFor, listenOn } from './replicas.ts'

testBehind(haproxy)

describe.skipIf(haproxy.whyNot !== undefined)('checks of HAProxy at the port of sessions', () => {
  // As docs/load-balancers.md has it for where the port of /readiness cannot be reached.
  const checkSessions = (text: string): string =>
    substitute(text, [
      [
        'option httpchk GET /readiness\n    http-check expect status 200\n    # 1 s',
        'option tcp-check\n    # 1 s',
      ],
    ]).replaceAll(/ check port \d+/g, ' check check-send-proxy')

  test('are by PROXY headers of its own, and are no refused logins', async () => {
    const [ports] = (await choosePortsFor(1)) as [Ports]
    await using stack = await Stack.start({
      configure: (config) => {
        listenOn(config, ports)
        config['trusted_proxies'] = ['127.0.0.1']
      },
    })
    const tls = await stack.authority.issue({ commonName: 'pages' })
    const [sessionsPort, pagesPort] = [await freePort(), await freePort()]
    const options = { folder: stack.folder, replicas: [ports], sessionsPort, pagesPort, tls }
    await using front = await startHaproxy(options, checkSessions)
    await until('checks that passed', async () =>
      /^portcullis,gw1,.*,UP,.*,L4OK,/m.test(await front.ask('show stat portcullis 4 -1')),
    )
    expect(await front.isOut(0)).toBe(false)
    expect(await stack.metric('portcullis_logins_total', { outcome: 'refused' })).toBe(0)
    expect((await stack.audit()).length).toBe(0)
    const exited = once(stack.gateway.process, 'exit')
    stack.gateway.process.kill('SIGTERM')
    await exited
    await until('it to be found out', async () => front.isOut(0))
  })
})
