// SHOW CLUSTER SETTING and SHOW ALL CLUSTER SETTINGS, with CockroachDB's columns.
import type { Cell, Column, Table } from '../answer.ts'
import type { WrittenMap } from '../catalog-home.ts'
import {
  flagSetting,
  listedSettings,
  settingOf,
  shownSetting,
  writtenSetting,
} from './cluster-settings.ts'

export function settingColumns(name: string): readonly Column[] {
  return [{ name, type: settingOf(name).type === 'b' ? 'bool' : 'text' }]
}

export function showSetting(tree: WrittenMap, name: string): Table {
  const isFlag = settingOf(name).type === 'b'
  const value = isFlag ? flagSetting(tree, name) : shownSetting(tree, name)
  return { columns: settingColumns(name), rows: [[value]] }
}

export const settingsColumns: readonly Column[] = [
  { name: 'variable', type: 'text' },
  { name: 'value', type: 'text' },
  { name: 'setting_type', type: 'text' },
  { name: 'public', type: 'bool' },
  { name: 'description', type: 'text' },
  { name: 'default_value', type: 'text' },
  { name: 'origin', type: 'text' },
]

export function showSettings(tree: WrittenMap): Table {
  const rows = Object.entries(listedSettings).map(([name, setting]): readonly Cell[] => [
    name,
    shownSetting(tree, name),
    setting.type,
    true,
    setting.description,
    setting.default,
    writtenSetting(tree, name) === undefined ? 'default' : 'override',
  ])
  return { columns: settingsColumns, rows }
}
