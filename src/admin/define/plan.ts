// What a statement changes in the catalog as it is.
import type { WrittenMap } from '../catalog-home.ts'
import { planCreate, planCreatePool } from './plan-create.ts'
import { planDrop } from './plan-drop.ts'
import { planGrant, planRevoke } from './plan-grant.ts'
import { planAssign, planPrimary, planRemove } from './plan-integration.ts'
import { planAdd, planAlterParticipant, planDropParticipant } from './plan-participant.ts'
import { planReset, planSet } from './plan-properties.ts'
import { planResetSetting, planSetSetting } from './plan-setting.ts'
import type { ChangingStatement, Plan } from './planned.ts'

/** Throws a ConsoleError, without a position, where the statement does not go with the catalog. */
export function plan(statement: ChangingStatement, tree: WrittenMap): Plan {
  switch (statement.kind) {
    case 'create':
      return planCreate(statement, tree)
    case 'create pool':
      return planCreatePool(statement, tree)
    case 'set properties':
      return planSet(statement, tree)
    case 'reset properties':
      return planReset(statement, tree)
    case 'drop':
      return planDrop(statement, tree)
    case 'set integration':
      return planPrimary(statement, tree)
    case 'assign integration':
      return planAssign(statement, tree)
    case 'remove integration':
      return planRemove(statement, tree)
    case 'add participant':
      return planAdd(statement, tree)
    case 'alter participant':
      return planAlterParticipant(statement, tree)
    case 'drop participant':
      return planDropParticipant(statement, tree)
    case 'grant':
      return planGrant(statement, tree)
    case 'revoke':
      return planRevoke(statement, tree)
    case 'set cluster setting':
      return planSetSetting(statement, tree)
    case 'reset cluster setting':
      return planResetSetting(statement, tree)
  }
}
