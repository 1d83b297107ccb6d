// Cluster settings, under the names of CockroachDB.
import { nearestName } from '../../nearest-name.ts'
import { clusterSettings } from './properties.ts'
import { readValue } from './read-value.ts'
import type { Property } from './property.ts'
import type { Reader } from './reader.ts'
import { sqlstates } from './statement-error.ts'
import type { SettingStatement } from './statement.ts'

/** Behind `SET CLUSTER SETTING`. */
export function readSetSetting(reader: Reader): SettingStatement {
  const { name, property } = readName(reader)
  if (!reader.takeSymbol('=')) reader.need('TO')
  if (reader.take('DEFAULT')) return { kind: 'reset cluster setting', name }
  return { kind: 'set cluster setting', name, value: readValue(reader, name, property) }
}

export function readResetSetting(reader: Reader): SettingStatement {
  return { kind: 'reset cluster setting', name: readName(reader).name }
}

export function readShowSetting(reader: Reader): SettingStatement {
  return { kind: 'show cluster setting', name: readName(reader).name }
}

function readName(reader: Reader): { readonly name: string; readonly property: Property } {
  const at = reader.token
  const name = reader.dottedName()
  const property = Object.hasOwn(clusterSettings, name) ? clusterSettings[name] : undefined
  if (property !== undefined) return { name, property }
  const names = Object.keys(clusterSettings)
  const nearest = nearestName(name, names)
  const suggestion = nearest === undefined ? '' : `Perhaps you meant ${nearest}. `
  return reader.fail({
    at,
    message: 'unknown cluster setting',
    sqlstate: sqlstates.unknownSetting,
    hint: `${suggestion}SHOW CLUSTER SETTINGS lists them.`,
    expected: names,
    suggestion: nearest,
  })
}
