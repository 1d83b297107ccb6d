import {
  clientCommands,
  consoleCommand,
  nodeCommand,
  ordersQuery,
  psqlCommand,
  pythonCommand,
  tokenCommand,
  type Door,
} from './commands.ts'
import { machine, people } from './people.ts'
import type { Screen } from './screen.ts'
import { word } from './shell.ts'
import type { Stage } from './stage.ts'

/** What to paste into another terminal. Nothing that is to be pasted is indented: Python would mind. */
export function guide(screen: Screen, { folder, gateway, pages }: Stage, door: Door): void {
  const paste = (title: string, command: string): void => {
    screen.print(`${title}:\n`)
    screen.command(command)
    screen.print()
  }
  const others = [...Object.keys(people).slice(1), machine].join(', ')

  screen.heading('Your turn, in another terminal')
  screen.print(`The command that people have signs them in with their browser, keeps their tokens fresh, and needs
no option of yours afterwards. Sign in as alice; with --no-browser it shows a code for another
device.
`)
  paste('Sign in, and open psql', clientCommands(door, pages))
  paste(
    `A fresh token of alice (or of ${others}) as the password, good for an hour`,
    `export PGPASSWORD=$(${tokenCommand(door, 'alice')})`,
  )
  paste('psql', psqlCommand(door, 'app_readwrite'))
  paste('Node, with pg', nodeCommand(door, 'app_readwrite', [ordersQuery]))
  paste(
    'Python, with psycopg (pip install "psycopg[binary]")',
    pythonCommand(door, 'app_readwrite'),
  )
  screen.print(
    `alice may also be app_readonly; bob and ${machine} may be nothing else, and carol nothing at all.`,
  )

  screen.print()
  paste(
    'The SQL console, where alice may do everything: SHOW HELP says what',
    consoleCommand(door, 'alice'),
  )

  const file = (name: string): string => word(folder.file(name))
  screen.heading('Your turn, in a browser')
  screen.entry('The pages', pages)
  screen.entry('Their authority', file('ca.crt'))
  screen.print(`
Your browser does not know that authority: import it, or go on past the warning. Sign in as alice:
you get a login for psql to copy, and since she may do everything, you see all sessions and
refusals, and may end hers. bob gets a login alone.
`)
  paste('psql that waits until you have signed in on a page', psqlCommand(door, 'sso'))

  screen.heading('Look around')
  for (const [what, command] of [
    ['Is it ready?', `curl ${gateway.httpAddress}/readiness`],
    ['Metrics', `curl ${gateway.httpAddress}/metrics`],
    ['Audit records', `tail -f ${file('audit.jsonl')}`],
    ['With jq: who', `jq -r '[.user.name, .message] | @tsv' ${file('audit.jsonl')}`],
    [
      'Why not carol?',
      `sh ${file('portcullis')} why --config ${file('portcullis.yaml')} --who carol`,
    ],
    ['Log', `tail -f ${file('portcullis.log')}`],
    ['Configuration', `less ${file('portcullis.yaml')}`],
    ['Have it reloaded', `kill -HUP ${gateway.process.pid ?? ''}`],
  ] as const)
    screen.entry(what, command)
  screen.print()
}
