// The versions of the catalog that replicas share.
import { LRUCache } from 'lru-cache'
import type { CatalogVersion } from '../admin/catalog-home.ts'
import { lock } from '../fleet/store/lock.ts'
import { type Store, StoreAway, type StoreTransaction } from '../fleet/store/store.ts'

/** A version, and what its sections are as text. */
export interface StoredVersion {
  readonly record: CatalogVersion
  readonly text: string
}

/** Another version than the one that it was planned on is the last by now. */
export class NotTheLast extends Error {
  override readonly name = 'NotTheLast'
}

/** The store was lost at the moment at which it was to make a version last. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown'
}

interface Row {
  readonly version: string
  readonly sealed: string
}

/** As many as a configuration may keep. */
const maxRecords = 1_000
const batch = 10

export class CatalogTable {
  readonly #store: Store
  /** Versions do not change: they are opened once. */
  readonly #records = new LRUCache<number, CatalogVersion>({ max: maxRecords })

  constructor(store: Store) {
    this.#store = store
  }

  get isAway(): boolean {
    return this.#store.state.kind === 'away'
  }

  /** The last version by its number, and what it is unless that is known already. 0: there is none. */
  async last(
    known = 0,
  ): Promise<{ readonly version: number; readonly stored: StoredVersion | undefined }> {
    const [row] = await this.#store.transact(async (transaction) =>
      transaction.query<Row>(
        `SELECT version::text AS version, sealed FROM catalog_versions
         ORDER BY catalog_versions.version DESC LIMIT 1`,
      ),
    )
    if (row === undefined) return { version: 0, stored: undefined }
    const version = Number(row.version)
    return { version, stored: version > known ? await this.#open(row) : undefined }
  }

  async read(version: number): Promise<StoredVersion | undefined> {
    const [row] = await this.#store.transact(async (transaction) =>
      transaction.query<Row>(
        `SELECT version::text AS version, sealed FROM catalog_versions WHERE version = $1`,
        [version],
      ),
    )
    return row && this.#open(row)
  }

  /** The latest first. Whatever is no version of ours is left out. */
  async list(most: number): Promise<readonly CatalogVersion[]> {
    const rows = await this.#store.transact(async (transaction) =>
      transaction.query<Pick<Row, 'version'>>(
        `SELECT version::text AS version FROM catalog_versions
         ORDER BY catalog_versions.version DESC LIMIT $1`,
        [most],
      ),
    )
    const versions = rows.map(({ version }) => Number(version))
    const unknown = versions.filter((version) => !this.#records.has(version))
    for (let at = 0; at < unknown.length; at += batch) {
      const found = await this.#store.transact(async (transaction) =>
        transaction.query<Row>(
          `SELECT version::text AS version, sealed FROM catalog_versions WHERE version = ANY($1)`,
          [unknown.slice(at, at + batch)],
        ),
      )
      await Promise.all(found.map(async (row) => this.#open(row).catch(() => {})))
    }
    return versions.map((version) => this.#records.get(version)).filter((one) => one !== undefined)
  }

  /**
   * Makes a version the last one, where that which it was planned on is the last. `record` is called when nothing
   * but the end of the transaction is left to do. Throws `NotTheLast`, `OutcomeUnknown`, `StoreAway` or
   * what `record` throws.
   */
  async add(
    stored: StoredVersion,
    plannedOn: number,
    keep: number,
    record: () => Promise<void>,
  ): Promise<void> {
    const { version } = stored.record
    const sealed = await this.#store.seal(purposeOf(version), stored)
    const progress = { isAtItsEnd: false }
    try {
      await this.#store.transact(async (transaction) => {
        await lock(transaction, 'catalog')
        if ((await lastOf(transaction)) !== plannedOn) throw new NotTheLast()
        await put(transaction, version, sealed)
        await transaction.query(
          `DELETE FROM catalog_versions WHERE version <= (SELECT version FROM catalog_versions
           ORDER BY version DESC OFFSET $1 LIMIT 1)`,
          [keep],
        )
        await transaction.changed('catalog')
        await record()
        progress.isAtItsEnd = true
      })
    } catch (error) {
      if (!progress.isAtItsEnd || !(error instanceof StoreAway)) throw error
      if (await this.#isPut(version, sealed)) return
      throw error
    }
  }

  /** Puts a version back that the store has lost, unless it has a later one. */
  async putBack(stored: StoredVersion): Promise<void> {
    const { version } = stored.record
    const sealed = await this.#store.seal(purposeOf(version), stored)
    await this.#store.transact(async (transaction) => {
      await lock(transaction, 'catalog')
      if ((await lastOf(transaction)) >= version) return
      await put(transaction, version, sealed)
      await transaction.changed('catalog')
    })
  }

  /** Behind the lock: a transaction whose end nobody was told of is over then. */
  async #isPut(version: number, sealed: string): Promise<boolean> {
    try {
      const rows = await this.#store.transact(async (transaction) => {
        await lock(transaction, 'catalog')
        return transaction.query(
          'SELECT 1 AS one FROM catalog_versions WHERE version = $1 AND sealed = $2',
          [version, sealed],
        )
      })
      return rows.length > 0
    } catch (cause) {
      throw new OutcomeUnknown('the store was lost meanwhile', { cause })
    }
  }

  async #open({ version, sealed }: Row): Promise<StoredVersion> {
    const stored = (await this.#store.open(purposeOf(Number(version)), sealed)) as StoredVersion
    this.#records.set(Number(version), stored.record)
    return stored
  }
}

function purposeOf(version: number): string {
  return `catalog ${version}`
}

async function lastOf(transaction: StoreTransaction): Promise<number> {
  const [row] = await transaction.query<{ readonly version: string }>(
    `SELECT version::text AS version FROM catalog_versions
     ORDER BY catalog_versions.version DESC LIMIT 1`,
  )
  return Number(row?.version ?? 0)
}

async function put(transaction: StoreTransaction, version: number, sealed: string): Promise<void> {
  await transaction.query('INSERT INTO catalog_versions (version, sealed) VALUES ($1, $2)', [
    version,
    sealed,
  ])
}
