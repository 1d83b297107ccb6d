// The audit of changes of the catalog: who, what, before and after, without secrets.
import { createMasker, formatPath } from '../config/index.ts'
import {
  type ChangeSink,
  type ChangeSinkOptions,
  createChangeSink,
} from '../telemetry/change-audit.ts'
import type { ChangeRecord } from './change-record.ts'
import { differences } from './differences.ts'

export interface ChangeAudit {
  /** Rejects where the record cannot be kept and nothing may happen without. */
  record(change: ChangeRecord): Promise<void>
  recordVisit: ChangeSink['recordVisit']
  flush(): Promise<void>
  reopen(): void
  close(): Promise<void>
}

export function openChangeAudit(options: ChangeSinkOptions): ChangeAudit {
  const sink = createChangeSink(options)
  const masked = createMasker()
  return {
    record: async ({ outcome, author, version, before, after }) => {
      // What was there at the start is in the file.
      const all = before === undefined ? [] : differences(before, after)
      const changes = all.map((one) => ({
        path: formatPath(one.path),
        before: one.before === undefined ? undefined : masked(one.before, one.path),
        after: one.after === undefined ? undefined : masked(one.after, one.path),
      }))
      return sink.record({ outcome, author, version: version.version, what: version.what, changes })
    },
    recordVisit: async (visit) => sink.recordVisit(visit),
    flush: async () => sink.flush(),
    reopen: () => {
      sink.reopen()
    },
    close: async () => sink.close(),
  }
}
