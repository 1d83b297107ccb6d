// What of the section `web` stays as it was when the service started: where pages are served, which clients that
// wait have been told.
import type { Config } from './config/index.ts'

type Web = Config['web']

/** The pages are not opened, closed or moved by a reload; everything else of them is as it is written now. */
export function heldWeb(before: Web, read: Web): Web {
  if (before === undefined || read === undefined) return before
  return { ...read, ...placeOf(before) }
}

/** Whether it takes effect at the next start alone. */
export function isMoved(before: Web, read: Web): boolean {
  if (before === undefined || read === undefined) return before !== read
  return JSON.stringify(placeOf(before)) !== JSON.stringify(placeOf(read))
}

function placeOf({
  public_url,
  node_url,
  listen_address,
  listen_port,
  behind_proxy,
}: NonNullable<Web>) {
  return { public_url, node_url, listen_address, listen_port, behind_proxy }
}
