import { failElsewhere } from './elsewhere.ts'
import type { Keyword } from './keywords.ts'
import { readObject } from './read-definition.ts'
import { readCount } from './read-governance.ts'
import { readShowSetting } from './read-setting.ts'
import type { Reader } from './reader.ts'
import { shownParameters, showTopics, type ShowTopic } from './show-topics.ts'
import type { SettingStatement, ShowStatement } from './statement.ts'

const topics = Object.keys(showTopics) as ShowTopic[]

export function readShow(reader: Reader): ShowStatement | SettingStatement {
  failElsewhere(reader, 'SHOW')
  const { token } = reader
  if (token.kind === 'quoted') return readParameter(reader, token.value)
  const topic = reader.takeName(topics) as ShowTopic | undefined
  if (topic !== undefined) {
    const limit = reader.take('LIMIT') ? readCount(reader, 'a number of rows') : undefined
    return { kind: 'show', topic, limit }
  }
  for (const [word, read] of Object.entries(phrases)) {
    if (reader.take(word as Keyword)) return read(reader)
  }
  const name = reader.takeName(shownParameters)
  if (name !== undefined) return { kind: 'show parameter', name }
  return reader.fail({ more: 'SHOW HELP lists them all.' })
}

/** In quotes it is a parameter, too; of another name it is none that we have. */
function readParameter(reader: Reader, written: string): ShowStatement {
  const name = shownParameters.find((one) => one === written.toLowerCase())
  if (name === undefined) return reader.fail({ expected: shownParameters })
  reader.advance()
  return { kind: 'show parameter', name }
}

const phrases: Partial<
  Readonly<Record<Keyword, (reader: Reader) => ShowStatement | SettingStatement>>
> = {
  CREATE: (reader) => {
    if (reader.take('ALL')) return { kind: 'show create all' }
    const object = readObject(reader, 'SHOW CREATE')
    return { kind: 'show create', object, name: reader.name() }
  },
  CLUSTER: (reader) => {
    if (reader.take('SETTINGS')) return { kind: 'show cluster settings' }
    reader.need('SETTING')
    return readShowSetting(reader)
  },
  ALL: (reader) => {
    if (reader.isAtEnd()) return { kind: 'show parameter', name: 'all' }
    reader.need('CLUSTER', 'SETTINGS')
    return { kind: 'show cluster settings' }
  },
  PUBLIC: (reader) => {
    reader.need('CLUSTER', 'SETTINGS')
    return { kind: 'show cluster settings' }
  },
  SSO: (reader) => {
    reader.need('INTEGRATIONS')
    return { kind: 'show', topic: 'INTEGRATIONS', limit: undefined }
  },
  TRANSACTION: (reader) => {
    reader.need('ISOLATION', 'LEVEL')
    return { kind: 'show parameter', name: 'transaction_isolation' }
  },
  TIME: (reader) => {
    reader.need('ZONE')
    return { kind: 'show parameter', name: 'timezone' }
  },
  SESSION: (reader) => {
    reader.need('AUTHORIZATION')
    return { kind: 'show parameter', name: 'session_authorization' }
  },
}
