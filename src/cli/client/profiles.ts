import { readFile } from 'node:fs/promises'
import { processEnvironment } from '../../credentials/environment.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { printable } from '../../refusal.ts'
import { leave } from './logout.ts'
import { reportProblem } from './report-problem.ts'

export async function listProfiles({
  output,
}: {
  readonly output: 'text' | 'json'
}): Promise<number> {
  return reportProblem(async () => {
    const profiles = await openProfiles(processEnvironment()).list()
    if (output === 'json') {
      const shown = profiles.map(({ name, isDefault }) => ({ name, default: isDefault }))
      process.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`)
      return 0
    }
    for (const { name, isDefault } of profiles) {
      process.stdout.write(`${printable(name)}${isDefault ? ' (default)' : ''}\n`)
    }
    if (profiles.length === 0) {
      process.stderr.write('There is no profile yet. Make one: portcullis login <gateway>\n')
    }
    return 0
  })
}

/** As its file has it: there is no secret in it. */
export async function showProfile(name: string | undefined): Promise<number> {
  return reportProblem(async () => {
    const profiles = openProfiles(processEnvironment())
    const named = await profiles.read(name)
    const path = profiles.pathOf(named.name)
    process.stdout.write(await readFile(path, 'utf8'))
    process.stderr.write(`${path}\n`)
    return 0
  })
}

export async function useProfile(name: string): Promise<number> {
  return reportProblem(async () => {
    await openProfiles(processEnvironment()).setDefault(name)
    return 0
  })
}

/** With its tokens, which nobody could find any more. */
export async function removeProfile(name: string): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    await leave(name, true, openProfiles(environment), environment)
    return 0
  })
}
