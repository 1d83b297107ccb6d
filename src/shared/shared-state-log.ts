import type { Log } from '../telemetry/log.ts'
import type { SharedStateObserver } from './shared-state.ts'

export function sharedStateLog(log: Log): SharedStateObserver {
  return {
    begunFromCopy() {
      log.warn('started without the store of the fleet, by the copy of what was known last')
    },
    ordersKept(count) {
      if (count === 0) log.info('what was revoked while the store was away is in it now')
      else log.warn('revoked while the store is away: it will be written', { kept: count })
    },
    copyFailed(code) {
      log.warn('no copy of what the fleet shares can be written: no start without the store', {
        code,
      })
    },
  }
}
