// What is on each of the machines, and what somebody sees who does there what docs/clients.md says.
import { browserFiles } from '../support/desktop.ts'
import { type MachineOptions, user } from './machine.ts'
import type { Town } from './town.ts'

export interface Scene {
  readonly machine: Pick<MachineOptions, 'files' | 'environment'>
  /** Whether somebody sits there. */
  readonly hasPerson: boolean
  /** In the order of the blocks: what has to be on the screen, and what is typed where psql waits. */
  readonly steps: readonly Step[]
}

export interface Step {
  readonly sees: readonly RegExp[]
  readonly types?: readonly string[]
  /** Where it runs on: what shows that it works, on the same machine at the same time. */
  readonly meanwhile?: Meanwhile
}

export interface Meanwhile {
  /** What it shows once it is ready. */
  readonly ready: RegExp
  readonly script: (ready: RegExpExecArray) => string
  readonly sees: readonly RegExp[]
  /** Whether it is about Java, which not every machine has. */
  readonly needsJava?: boolean
}

/** A desktop with a browser. */
const desktop = {
  environment: { DISPLAY: ':0' },
  browser: Object.fromEntries(
    Object.entries(browserFiles(user.home)).map(([path, text]) => [`~/${path}`, text]),
  ),
}

const asks = ['select session_user;\n', '\\q\n']
const isIn = [/app_readwrite/]

export async function makeScenes(
  {
    provider,
  }: { readonly provider: Pick<Town['provider'], 'clientCredentialsToken' | 'clientSecret'> },
  authority: string,
  javaFields: readonly string[],
): Promise<ReadonlyMap<string, Scene>> {
  const workload = await provider.clientCredentialsToken('m2m')
  const quoted = javaFields.map((field) => `'${field}'`).join(' ')
  return new Map<string, Scene>([
    [
      'laptop',
      {
        machine: {
          environment: desktop.environment,
          files: {
            ...desktop.browser,
            '~/nightly-report':
              '#!/bin/sh\nexec psql -At -c "select count(*) from orders" sandbox\n',
          },
        },
        hasPerson: true,
        steps: [
          { sees: [/alice/, /until/, ...isIn], types: asks },
          { sees: [/db\.example\.com/, /alice/, ...isIn] },
          {
            sees: [/\.pgpass/],
            meanwhile: {
              ready: /\.pgpass/,
              script: () => `java -cp '/opt/java/*' /opt/java/Gui.java ${quoted}`,
              sees: [/app_readwrite sees 4 orders/],
              needsJava: true,
            },
          },
          {
            sees: [/^jdbc:postgresql:\/\/db\.example\.com:5432\/sandbox\?\S*sslmode=verify-full/m],
          },
          {
            sees: [/listening/],
            meanwhile: {
              ready: /listening/,
              script: () =>
                `psql -w -At -c 'select session_user' 'host=localhost port=5433 dbname=sandbox'`,
              sees: isIn,
            },
          },
          { sees: [/^4$/m] },
          { sees: isIn },
          { sees: isIn },
          { sees: [/db\.example\.com/, ...isIn] },
        ],
      },
    ],
    [
      'server',
      { machine: {}, hasPerson: true, steps: [{ sees: [/alice/, ...isIn], types: asks }] },
    ],
    [
      'own authority',
      {
        machine: {
          environment: desktop.environment,
          files: { ...desktop.browser, '~/ca.crt': authority },
        },
        hasPerson: true,
        steps: [{ sees: [/alice/, ...isIn], types: asks }],
      },
    ],
    [
      'service account',
      {
        machine: { files: { '/run/secrets/portcullis': `${provider.clientSecret('m2m')}\n` } },
        hasPerson: false,
        steps: [{ sees: [/app_readonly/] }],
      },
    ],
    [
      'workload',
      {
        machine: { files: { '/run/secrets/tokens/portcullis': workload } },
        hasPerson: false,
        steps: [{ sees: [/app_readonly/] }],
      },
    ],
    [
      'command',
      {
        machine: { files: { '~/bin/get-a-token': `#!/bin/sh\necho ${workload}\n` } },
        hasPerson: false,
        steps: [{ sees: [/app_readonly/] }],
      },
    ],
    [
      'colleague',
      {
        machine: { environment: desktop.environment, files: desktop.browser },
        hasPerson: true,
        steps: [{ sees: [/alice/, ...isIn], types: asks }],
      },
    ],
  ])
}
