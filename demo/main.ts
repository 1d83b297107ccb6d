// `npm start`: Portcullis with everything that it needs, on this machine alone, for as long as one looks.
import type { Door } from './tour/commands.ts'
import { guide } from './tour/guide.ts'
import { Lifetime, Stopped } from './tour/lifetime.ts'
import { Screen } from './tour/screen.ts'
import { checkout, setStage } from './tour/stage.ts'
import { tour } from './tour/tour.ts'

const lifetime = new Lifetime()
const screen = new Screen(process.stdout, process.env)

// They stay to the very end: Ctrl-C reaches this process from the terminal, and again through npm.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    lifetime.stop(new Stopped(signal))
  })
// Whoever read has gone, as `head` does: there is nobody left to show anything to.
process.stdout.on('error', () => {
  lifetime.stop(new Stopped('nobody reads'))
})
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => {
    lifetime.stop(error instanceof Error ? error : new Error(String(error)))
  })

let kept: string | undefined

async function show(): Promise<never> {
  screen.print('Portcullis demo: everything runs on this machine, and is removed at the end.\n')
  const stage = await setStage(screen, lifetime)
  kept = stage.programs
  const door: Door = { folder: stage.folder.path, checkout, port: stage.gateway.port }
  await tour(screen, lifetime, stage, door)
  guide(screen, stage, door)
  screen.print(`Press Ctrl-C to stop everything and remove ${stage.folder.path}`)
  return lifetime.untilStopped()
}

async function main(): Promise<number> {
  let exitCode = 0
  try {
    await show()
  } catch (error) {
    if (!(error instanceof Stopped)) {
      exitCode = 1
      screen.failure(`The demo has failed. ${error instanceof Error ? error.message : ''}`)
    }
  }
  screen.print()
  try {
    await screen.step(
      'Stopping',
      lifetime[Symbol.asyncDispose](),
      'Stopped; everything that the demo made is removed',
    )
    if (kept !== undefined)
      screen.print(`         ${kept} stays: PostgreSQL's programs, for the next start`)
  } catch (error) {
    exitCode = 1
    screen.failure(`Not everything was removed. ${error instanceof Error ? error.message : ''}`)
  }
  return exitCode
}

process.exit(await main())
