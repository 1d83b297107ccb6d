// Sections of pg_service.conf (PostgreSQL 34.17).
import type { LibpqConnection } from '../../credentials/libpq.ts'
import { CredentialProblem } from '../../credentials/problem.ts'

export function serviceLines({
  endpoints,
  database,
  user,
  rootCertificate,
}: LibpqConnection): readonly string[] {
  const settings: readonly (readonly [string, string | undefined])[] = [
    ['host', endpoints.map(({ host }) => host).join(',')],
    ['port', endpoints.map(({ port }) => port).join(',')],
    ['dbname', database],
    ['user', user],
    ['sslmode', 'verify-full'],
    ['sslrootcert', rootCertificate],
    ['gssencmode', 'disable'],
  ]
  return settings.flatMap(([name, value]) => {
    if (value === undefined) return []
    // It has no quotes, and no way to say what would end a line.
    if (/[\r\n]/.test(value)) throw new CredentialProblem('usage', `${name} has a line feed in it`)
    return [`${name}=${value}`]
  })
}

/** The text with the section; of one that is there, what we do not set stays. */
export function putSection(text: string, name: string, settings: readonly string[]): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const start = lines.findIndex((line) => line.trim() === `[${name}]`)
  if (start === -1) {
    const gap = lines.length === 0 || lines.at(-1)?.trim() === '' ? [] : ['']
    return textOf([...lines, ...gap, `[${name}]`, ...settings])
  }
  const length = lines.slice(start + 1).findIndex((line) => line.trim().startsWith('['))
  const end = length === -1 ? lines.length : start + 1 + length
  const ours = new Set(settings.map(nameOf))
  const others = lines.slice(start + 1, end).filter((line) => !ours.has(nameOf(line)))
  return textOf([...lines.slice(0, start + 1), ...settings, ...others, ...lines.slice(end)])
}

function nameOf(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf('='))).trim()
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

/** A name that stands for itself between brackets. */
export function isSectionName(name: string): boolean {
  return /^[^[\]\s](?:[^[\]\r\n]*[^[\]\s])?$/.test(name)
}
