import { join } from 'node:path'
import { processEnvironment } from '../../credentials/environment.ts'
import { homeFolder } from '../../credentials/folders.ts'
import { toConnection } from '../../credentials/libpq.ts'
import { CredentialProblem } from '../../credentials/problem.ts'
import { openProfiles } from '../../credentials/profile-store.ts'
import { findRootCertificate } from '../../credentials/root-certificate.ts'
import { editOwnFile } from './edit-own-file.ts'
import { lastGrant } from './have-token.ts'
import type { ClientOptions } from './options.ts'
import { reportProblem } from './report-problem.ts'
import { isSectionName, putSection, serviceLines } from './service-file.ts'

export interface ServiceOptions extends ClientOptions {
  readonly name?: string
  readonly database?: string
  readonly user?: string
  readonly write?: boolean
}

/** Nothing of it is secret; what others could write would lead elsewhere. */
const rules = {
  maxBytes: 1_000_000,
  forbiddenMode: 0o022,
  mayBeLink: true,
  whenTooLong: 'refused',
} as const

export async function printService(options: ServiceOptions): Promise<number> {
  return reportProblem(async () => {
    const environment = processEnvironment()
    const named = await openProfiles(environment).read(options.profile)
    const name = options.name ?? named.name
    if (!isSectionName(name)) {
      throw new CredentialProblem('usage', 'that cannot be the name of a service')
    }
    const settings = serviceLines(
      toConnection(named, await lastGrant(named, environment), {
        database: options.database,
        user: options.user,
        rootCertificate: await findRootCertificate(named.profile, environment),
      }),
    )
    if (options.write !== true) {
      process.stdout.write(putSection('', name, settings))
      return 0
    }
    const fromEnvironment = environment['PGSERVICEFILE'] ?? ''
    const file =
      fromEnvironment === '' ? join(homeFolder(environment), '.pg_service.conf') : fromEnvironment
    await editOwnFile(file, rules, (text) => putSection(text, name, settings))
    process.stdout.write(`${file}\n`)
    return 0
  })
}
