// Audit records of the primary: changes of the catalog, as OCSF Entity Management, and visits of the pages.
import { randomUUID } from 'node:crypto'
import { openAuditTrail, type TrailOptions } from './audit-trail.ts'
import { type AuditedVisit, toVisitRecord } from './visit-record.ts'

/** Nothing in it is a secret. */
export interface AuditedChange {
  readonly outcome: 'done' | 'failed'
  readonly author: {
    readonly name: string
    readonly by: string
    readonly session?: string | undefined
    readonly address?: string | undefined
    readonly issuer?: string | undefined
    readonly subject?: string | undefined
  }
  readonly version: number
  readonly what: string
  /** By the name of each place; undefined: there is nothing. */
  readonly changes: readonly {
    readonly path: string
    readonly before: unknown
    readonly after: unknown
  }[]
}

export interface ChangeSink {
  /** Rejects where the record cannot be kept and nothing may happen without. */
  record(change: AuditedChange): Promise<void>
  recordVisit(visit: AuditedVisit): Promise<void>
  flush(): Promise<void>
  reopen(): void
  close(): Promise<void>
}

export type ChangeSinkOptions = Omit<TrailOptions, 'onDropped'>

export class NotRecorded extends Error {
  override readonly name = 'NotRecorded'
}

/** Records of several processes share a file or a pipe: a write of so much is not torn. */
const maxFileValues = 12_000
const maxPipeValues = 1_500
const maxPaths = 50
const maxWhat = 1_000

export function createChangeSink(options: ChangeSinkOptions): ChangeSink {
  const trail = openAuditTrail({ ...options, onDropped: () => {} })
  const write = async (record: unknown): Promise<void> => {
    if (!trail.isStrict) trail.write(record)
    else if (!(await trail.writeThrough(record))) {
      throw new NotRecorded('audit records cannot be written')
    }
  }
  return {
    record: async (change) => write(toRecord(options, change)),
    recordVisit: async (visit) => write(toVisitRecord(options, visit)),
    flush: async () => trail.flush(),
    reopen: () => {
      trail.reopen()
    },
    close: async () => trail.close(),
  }
}

/** The oldest schema version that has every attribute below, hence the one that most readers know. */
const schemaVersion = '1.1.0'
const classUid = 3004
const update = 3

function toRecord({ node, version, sinks }: ChangeSinkOptions, change: AuditedChange): unknown {
  const { outcome, author, changes, what } = change
  const status = outcome === 'done' ? 'Success' : 'Failure'
  const paths = changes.map(({ path }) => path)
  const before = valuesOf(changes, 'before')
  const after = valuesOf(changes, 'after')
  const length = JSON.stringify([before, after]).length
  const isPiped = sinks.some(({ sink }) => sink === 'stdout')
  const isCut = length > (isPiped ? maxPipeValues : maxFileValues)
  const entity = { name: 'catalog', type: 'Catalog' }
  return {
    class_uid: classUid,
    class_name: 'Entity Management',
    category_uid: 3,
    category_name: 'Identity & Access Management',
    activity_id: update,
    activity_name: 'Update',
    type_uid: classUid * 100 + update,
    type_name: 'Entity Management: Update',
    time: Date.now(),
    severity_id: 1,
    severity: 'Informational',
    status_id: outcome === 'done' ? 1 : 2,
    status,
    message: outcome === 'done' ? 'catalog changed' : 'catalog not changed after all',
    comment: what.slice(0, maxWhat),
    metadata: {
      version: schemaVersion,
      product: { name: 'Portcullis', vendor_name: 'Portcullis', version },
      log_name: 'audit',
      uid: randomUUID(),
      correlation_uid: author.session,
    },
    actor: {
      user: {
        name: author.name,
        uid: author.subject,
        type_id: author.subject === undefined ? 0 : 1,
      },
      ...(author.session !== undefined && {
        session: { uid: author.session, issuer: author.issuer },
      }),
    },
    ...toEndpoint(author.address),
    device: { hostname: node, type_id: 0 },
    entity: { ...entity, ...(!isCut && { data: before }) },
    entity_result: { ...entity, version: String(change.version), ...(!isCut && { data: after }) },
    unmapped: {
      portcullis: {
        catalog_version: change.version,
        by: author.by,
        issuer: author.issuer,
        subject: author.subject,
        changed: paths.slice(0, maxPaths),
        changed_count: paths.length,
        ...(isCut && { values_left_out: true }),
      },
    },
  }
}

function valuesOf(changes: AuditedChange['changes'], side: 'before' | 'after'): object {
  return Object.fromEntries(
    changes.flatMap((one) => (one[side] === undefined ? [] : [[one.path, one[side]]])),
  )
}

/** A Unix socket has names in place of addresses. */
function toEndpoint(address: string | undefined): object {
  if (address === undefined) return {}
  const isAddress = /^[\d.]+$|:/.test(address)
  return { src_endpoint: isAddress ? { ip: address } : { name: address } }
}
