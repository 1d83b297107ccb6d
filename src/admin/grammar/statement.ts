// What the console can be told. Statements are data: whoever executes one switches over `kind`.
import type {
  Assignment,
  NullValue,
  BooleanValue,
  NumberValue,
  Placeholder,
  SecretValue,
  StringValue,
  Text,
  Value,
} from './value.ts'
import type { Privilege } from './privileges.ts'
import type { ShowTopic } from './show-topics.ts'

export type ObjectKind = 'database' | 'group' | 'sso integration' | 'connectivity_pool'

export interface Participant {
  readonly node: string
  readonly properties: readonly Assignment[]
}

export type DefinitionStatement =
  | {
      readonly kind: 'create'
      readonly object: 'database' | 'group' | 'sso integration'
      readonly name: string
      readonly ifNotExists: boolean
      readonly properties: readonly Assignment[]
    }
  | {
      readonly kind: 'create pool'
      readonly name: string
      readonly ifNotExists: boolean
      readonly properties: readonly Assignment[]
      readonly participants: readonly Participant[]
    }
  | {
      readonly kind: 'set properties'
      readonly object: ObjectKind
      readonly name: string
      readonly ifExists: boolean
      readonly properties: readonly Assignment[]
    }
  | {
      readonly kind: 'reset properties'
      readonly object: ObjectKind
      readonly name: string
      readonly ifExists: boolean
      readonly properties: readonly string[]
    }
  | {
      readonly kind: 'drop'
      readonly object: ObjectKind
      readonly name: string
      readonly ifExists: boolean
    }
  | {
      /** Makes it the primary one, and assigns it where it is not assigned yet. */
      readonly kind: 'set integration'
      readonly database: string
      readonly integration: string
    }
  | {
      /** Assigns it, as one that is not primary. */
      readonly kind: 'assign integration'
      readonly database: string
      readonly integration: string
    }
  | {
      readonly kind: 'remove integration'
      readonly database: string
      /** undefined: the only one. */
      readonly integration: string | undefined
    }
  | {
      readonly kind: 'add participant' | 'drop participant'
      readonly pool: string
      /** To drop: the one of that node which has these properties. */
      readonly participant: Participant
    }
  | {
      readonly kind: 'alter participant'
      readonly pool: string
      /** Which one: that of the node which has these properties. */
      readonly participant: Participant
      readonly changes: readonly Assignment[]
    }
  | {
      readonly kind: 'grant' | 'revoke'
      readonly privileges: readonly Privilege[]
      readonly databases: readonly string[]
      readonly groups: readonly string[]
    }

export type SettingStatement =
  | { readonly kind: 'set cluster setting'; readonly name: string; readonly value: Value }
  | { readonly kind: 'reset cluster setting'; readonly name: string }
  | { readonly kind: 'show cluster setting'; readonly name: string }
  | { readonly kind: 'show cluster settings' }

export type ShowStatement =
  | { readonly kind: 'show'; readonly topic: ShowTopic; readonly limit: Count | undefined }
  | { readonly kind: 'show create'; readonly object: ObjectKind; readonly name: string }
  | { readonly kind: 'show create all' }
  /** `all` is all of them. */
  | { readonly kind: 'show parameter'; readonly name: string }

export type Count = NumberValue | Placeholder

/** Which sessions are meant: all of the criteria have to hold. */
export type CriterionName =
  | 'session'
  | 'subject'
  | 'issuer'
  | 'principal'
  | 'role'
  | 'group'
  | 'integration'
  | 'pool'
  | 'token'
  | 'address'

export interface Criterion {
  readonly name: CriterionName
  readonly value: Text
}

export type Credential =
  | { readonly kind: 'token'; readonly token: SecretValue | Placeholder }
  /** A JSON object of claims that nobody signed. */
  | { readonly kind: 'claims'; readonly claims: Text }

export type GovernanceStatement =
  | { readonly kind: 'kill sessions'; readonly criteria: readonly Criterion[] }
  | {
      /** Ends the sessions and refuses new ones until then. */
      readonly kind: 'revoke sessions'
      readonly criteria: readonly Criterion[]
      readonly until: Text
    }
  /** Takes such a revocation back. */
  | { readonly kind: 'restore sessions'; readonly criteria: readonly Criterion[] }
  | {
      readonly kind: 'explain login'
      readonly credential: Credential
      readonly integration: Text | undefined
      readonly user: Text | undefined
      readonly database: Text | undefined
      readonly pool: Text | undefined
      /** The address of the client. */
      readonly from: Text | undefined
    }
  | { readonly kind: 'rollback catalog'; readonly version: Count }

/** PgBouncer's, under its own names. */
export type PoolerStatement =
  | {
      readonly kind: 'pause' | 'resume' | 'reconnect' | 'kill' | 'wait close'
      /** undefined: all. */
      readonly database: string | undefined
    }
  | { readonly kind: 'enable' | 'disable'; readonly database: string }
  | { readonly kind: 'kill client'; readonly id: Count }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'reload' }
  | { readonly kind: 'shutdown'; readonly waits: 'no' | 'for servers' | 'for clients' }

export type SelectExpression =
  | StringValue
  | NumberValue
  | BooleanValue
  | NullValue
  | Placeholder
  | {
      readonly kind: 'call'
      readonly function: string
      readonly arguments: readonly SelectExpression[]
    }

export interface SelectItem {
  readonly expression: SelectExpression
  /** The type behind `::`. */
  readonly type: string | undefined
  readonly alias: string | undefined
}

/** What drivers and tools send of themselves. */
export type ClientStatement =
  | { readonly kind: 'select'; readonly items: readonly SelectItem[] }
  | {
      readonly kind: 'set parameter'
      readonly scope: 'session' | 'local'
      readonly name: string
      readonly values: readonly Value[]
    }
  /** `all` is all of them. */
  | { readonly kind: 'reset parameter'; readonly name: string }
  | { readonly kind: 'begin'; readonly modes: readonly TransactionMode[] }
  | { readonly kind: 'commit' | 'rollback'; readonly chain: boolean }
  | {
      readonly kind: 'set transaction'
      /** For this transaction, or for all that follow. */
      readonly scope: 'transaction' | 'session'
      readonly modes: readonly TransactionMode[]
    }
  /** undefined: all. */
  | { readonly kind: 'deallocate'; readonly name: string | undefined }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'sequences' | 'temp' }
  | { readonly kind: 'unlisten all' }
  | { readonly kind: 'close all' }

export type TransactionMode =
  | 'ISOLATION LEVEL SERIALIZABLE'
  | 'ISOLATION LEVEL REPEATABLE READ'
  | 'ISOLATION LEVEL READ COMMITTED'
  | 'ISOLATION LEVEL READ UNCOMMITTED'
  | 'READ WRITE'
  | 'READ ONLY'
  | 'DEFERRABLE'
  | 'NOT DEFERRABLE'

export type Statement =
  | DefinitionStatement
  | SettingStatement
  | ShowStatement
  | GovernanceStatement
  | PoolerStatement
  | ClientStatement
