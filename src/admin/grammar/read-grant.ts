// GRANT and REVOKE of privileges, and REVOKE of sessions.
import type { Reader } from './reader.ts'
import { type Privilege, privileges } from './privileges.ts'
import { readRevocation, startsCriteria } from './read-governance.ts'
import type { DefinitionStatement, GovernanceStatement } from './statement.ts'

export function readGrant(reader: Reader): DefinitionStatement {
  return readPrivileges(reader, 'grant', 'TO')
}

export function readRevoke(reader: Reader): DefinitionStatement | GovernanceStatement {
  if (startsCriteria(reader)) return readRevocation(reader)
  return readPrivileges(reader, 'revoke', 'FROM')
}

function readPrivileges(
  reader: Reader,
  kind: 'grant' | 'revoke',
  preposition: 'TO' | 'FROM',
): DefinitionStatement {
  const names = [...new Set(reader.several(() => readPrivilege(reader)))]
  reader.need('ON', 'DATABASE')
  const databases = reader.several(() => reader.name())
  reader.need(preposition, 'GROUP')
  const groups = reader.several(() => reader.name())
  return { kind, privileges: names, databases, groups }
}

function readPrivilege(reader: Reader): Privilege {
  const { token } = reader
  const entries = Object.entries(privileges) as [Privilege, (typeof privileges)[Privilege]][]
  const keyword = token.kind === 'word' ? token.keyword : undefined
  const [, [first]] = entries.find(([, words]) => words[0] === keyword) ?? ['', [undefined]]
  if (first === undefined) {
    for (const [, words] of entries) reader.at(words[0])
    return reader.fail()
  }
  reader.need(first)
  const candidates = entries.filter(([, words]) => words[0] === first)
  for (const [name, [, second]] of candidates) {
    if (second === undefined || reader.take(second)) return name
  }
  return reader.fail()
}
