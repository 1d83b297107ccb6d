// What drivers and tools send of themselves: transactions, parameters of the session, what to forget.
import { isSecretName, readNumber, readSecretText, readText } from './read-value.ts'
import { readSetSetting } from './read-setting.ts'
import type { Reader } from './reader.ts'
import type { ClientStatement, SettingStatement, TransactionMode } from './statement.ts'
import type { Value } from './value.ts'

export function readSet(reader: Reader): ClientStatement | SettingStatement {
  if (reader.at('CLUSTER') && reader.isFollowedBy('SETTING')) {
    reader.need('CLUSTER', 'SETTING')
    return readSetSetting(reader)
  }
  if (reader.at('TIME') && reader.isFollowedBy('ZONE')) {
    reader.need('TIME', 'ZONE')
    return readParameter(reader, 'session', 'timezone')
  }
  if (reader.at('TRANSACTION') && !isParameterNext(reader)) {
    reader.need('TRANSACTION')
    return { kind: 'set transaction', scope: 'transaction', modes: readModes(reader, true) }
  }
  if (reader.at('NAMES') && !isParameterNext(reader)) {
    reader.need('NAMES')
    return readParameter(reader, 'session', 'client_encoding')
  }
  if (reader.at('SESSION') && !isParameterNext(reader)) {
    reader.need('SESSION')
    if (reader.take('CHARACTERISTICS')) {
      reader.need('AS', 'TRANSACTION')
      return { kind: 'set transaction', scope: 'session', modes: readModes(reader, true) }
    }
    return readNamed(reader, 'session')
  }
  if (reader.at('LOCAL') && !isParameterNext(reader)) {
    reader.need('LOCAL')
    return readNamed(reader, 'local')
  }
  return readNamed(reader, 'session')
}

/** Whether the word here is itself the name of a parameter. */
function isParameterNext(reader: Reader): boolean {
  const next = reader.peek()
  if (next.kind === 'symbol') return next.value === '=' || next.value === '.'
  return reader.isFollowedBy('TO')
}

function readNamed(reader: Reader, scope: 'session' | 'local'): ClientStatement {
  const name = reader.dottedName()
  if (!reader.takeSymbol('=')) reader.need('TO')
  return readParameter(reader, scope, name)
}

function readParameter(reader: Reader, scope: 'session' | 'local', name: string): ClientStatement {
  if (reader.take('DEFAULT')) return { kind: 'reset parameter', name }
  const values = reader.several(() => readParameterValue(reader, name))
  return { kind: 'set parameter', scope, name, values }
}

function readParameterValue(reader: Reader, name: string): Value {
  if (isSecretName(name)) return readSecretText(reader)
  const value = readNumber(reader)
  if (value === undefined) return readText(reader, 'a value, as a word, a number or', true)
  reader.advance()
  return { kind: 'number', value }
}

export function readReset(reader: Reader): ClientStatement {
  return { kind: 'reset parameter', name: reader.dottedName() }
}

export function readBegin(reader: Reader): ClientStatement {
  takeTransactionWord(reader)
  return { kind: 'begin', modes: readModes(reader, false) }
}

export function readStart(reader: Reader): ClientStatement {
  reader.need('TRANSACTION')
  return { kind: 'begin', modes: readModes(reader, false) }
}

export function readEnd(reader: Reader, kind: 'commit' | 'rollback'): ClientStatement {
  takeTransactionWord(reader)
  if (!reader.take('AND')) return { kind, chain: false }
  const chain = !reader.take('NO')
  reader.need('CHAIN')
  return { kind, chain }
}

function takeTransactionWord(reader: Reader): void {
  if (!reader.take('WORK')) reader.take('TRANSACTION')
}

function readModes(reader: Reader, isNeeded: boolean): readonly TransactionMode[] {
  const modes: TransactionMode[] = []
  for (;;) {
    const mode = readMode(reader)
    if (mode === undefined) break
    reader.checkCount(modes.length)
    modes.push(mode)
    if (!reader.takeSymbol(',')) continue
    // There is one more behind a comma.
    if (!['ISOLATION', 'READ', 'DEFERRABLE', 'NOT'].includes(wordOf(reader))) {
      readMode(reader)
      reader.fail()
    }
  }
  return modes.length === 0 && isNeeded ? reader.fail() : modes
}

function wordOf(reader: Reader): string {
  const { token } = reader
  return token.kind === 'word' ? token.value.toUpperCase() : ''
}

function readMode(reader: Reader): TransactionMode | undefined {
  if (reader.take('ISOLATION')) {
    reader.need('LEVEL')
    return reader.choose<TransactionMode>({
      SERIALIZABLE: () => 'ISOLATION LEVEL SERIALIZABLE',
      REPEATABLE: () => {
        reader.need('READ')
        return 'ISOLATION LEVEL REPEATABLE READ'
      },
      READ: () =>
        reader.choose<TransactionMode>({
          COMMITTED: () => 'ISOLATION LEVEL READ COMMITTED',
          UNCOMMITTED: () => 'ISOLATION LEVEL READ UNCOMMITTED',
        }),
    })
  }
  if (reader.take('READ')) {
    return reader.choose<TransactionMode>({ WRITE: () => 'READ WRITE', ONLY: () => 'READ ONLY' })
  }
  if (reader.take('DEFERRABLE')) return 'DEFERRABLE'
  if (!reader.take('NOT')) return undefined
  reader.need('DEFERRABLE')
  return 'NOT DEFERRABLE'
}

export function readDeallocate(reader: Reader): ClientStatement {
  if (reader.at('PREPARE') && !isEndNext(reader)) reader.need('PREPARE')
  if (reader.take('ALL')) return { kind: 'deallocate', name: undefined }
  return { kind: 'deallocate', name: reader.name() }
}

function isEndNext(reader: Reader): boolean {
  const next = reader.peek()
  return next.kind === 'end' || (next.kind === 'symbol' && next.value === ';')
}

export function readDiscard(reader: Reader): ClientStatement {
  return reader.choose<ClientStatement>({
    ALL: () => ({ kind: 'discard', what: 'all' }),
    PLANS: () => ({ kind: 'discard', what: 'plans' }),
    SEQUENCES: () => ({ kind: 'discard', what: 'sequences' }),
    TEMP: () => ({ kind: 'discard', what: 'temp' }),
    TEMPORARY: () => ({ kind: 'discard', what: 'temp' }),
  })
}

export function readUnlisten(reader: Reader): ClientStatement {
  reader.needSymbol('*')
  return { kind: 'unlisten all' }
}

export function readClose(reader: Reader): ClientStatement {
  reader.need('ALL')
  return { kind: 'close all' }
}
