// Transactions, so that drivers which begin them can be used: each statement takes effect by itself.
import type { TransactionStatus } from '../../wire/write-results.ts'
import { type Answer, ConsoleError, type ConsoleNotice } from '../answer.ts'
import type { Statement } from '../grammar/statement.ts'

type TransactionStatement = Extract<
  Statement,
  { readonly kind: 'begin' } | { readonly kind: 'commit' | 'rollback' }
>

export class Transaction {
  #status: TransactionStatus = 'I'
  #hasChanged = false

  get status(): TransactionStatus {
    return this.#status
  }

  /** Whatever fails within a transaction has it refuse all else until its end, as PostgreSQL does. */
  fail(): void {
    if (this.#status === 'T') this.#status = 'E'
  }

  /** Something took effect that no ROLLBACK undoes. */
  changed(): void {
    this.#hasChanged = this.#status !== 'I'
  }

  /** Throws where the transaction has failed, and this does not end it. */
  check({ kind }: Pick<Statement, 'kind'>): void {
    if (this.#status !== 'E' || kind === 'commit' || kind === 'rollback') return
    throw new ConsoleError({
      sqlstate: '25P02',
      message: 'current transaction is aborted, commands ignored until end of transaction block',
    })
  }

  take(statement: TransactionStatement): Answer {
    if (statement.kind === 'begin') return this.#begin()
    const { kind, chain } = statement
    if (this.#status === 'I') {
      if (chain) {
        throw new ConsoleError({
          sqlstate: '25P01',
          message: `${kind.toUpperCase()} AND CHAIN can only be used in transaction blocks`,
        })
      }
      const tag = kind.toUpperCase()
      return { tag, notices: [warning('there is no transaction in progress')] }
    }
    const isRolledBack = kind === 'rollback' || this.#status === 'E'
    const notices = isRolledBack && this.#hasChanged ? [stays] : []
    this.#status = chain ? 'T' : 'I'
    this.#hasChanged = false
    return { tag: isRolledBack ? 'ROLLBACK' : 'COMMIT', notices }
  }

  #begin(): Answer {
    const isBegun = this.#status === 'T'
    this.#status = 'T'
    if (!isBegun) return { tag: 'BEGIN' }
    return { tag: 'BEGIN', notices: [warning('there is already a transaction in progress')] }
  }
}

function warning(message: string): ConsoleNotice {
  return { severity: 'WARNING', message }
}

const stays: ConsoleNotice = {
  severity: 'WARNING',
  message: 'what has taken effect stays',
  detail: 'Each statement of this console takes effect by itself, also within a transaction.',
}
