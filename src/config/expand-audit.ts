import { resolve } from 'node:path'
import { chooseProxy, type ProxyChoice } from './proxy-choice.ts'
import { readSyslogUrl, type SyslogAddress } from './schema/audit.ts'
import type { ParsedConfig } from './schema/index.ts'

type Written = ParsedConfig['audit']
type WrittenSink = NonNullable<Written['sinks']>[number]
type SinkOf<Kind> = Extract<WrittenSink, { readonly sink: Kind }>

export type AuditSinkConfig =
  | SinkOf<'stdout'>
  | SinkOf<'file'>
  | (SinkOf<'syslog'> & { readonly server: SyslogAddress })
  | (SinkOf<'https'> & { readonly proxy: ProxyChoice | undefined })

/** Whichever way it is written: a list of places, which is empty where there is to be no audit. */
export type AuditConfig = Omit<Written, 'sink' | 'file' | 'sinks' | 'chain_key'> & {
  readonly sinks: readonly AuditSinkConfig[]
  /** The first one is used, and all verify. */
  readonly chain_keys: readonly string[]
}

export function toAudit(
  { sink = 'stdout', file, sinks, chain_key: keys = [], ...rest }: Written,
  folder: string,
  environment: NodeJS.ProcessEnv,
): AuditConfig {
  const single = (): readonly WrittenSink[] => {
    if (sink === 'none') return []
    if (sink === 'stdout') return [{ sink, on_failure: undefined }]
    return file === undefined ? [] : [{ sink, file, on_failure: undefined }]
  }
  const all = sinks ?? single()
  return {
    ...rest,
    chain_keys: keys,
    sinks: all.map((one) => toSink(one, folder, environment)),
  }
}

function toSink(
  sink: WrittenSink,
  folder: string,
  environment: NodeJS.ProcessEnv,
): AuditSinkConfig {
  const absolute = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(folder, path)
  switch (sink.sink) {
    case 'stdout':
      return sink
    case 'file':
      return { ...sink, file: resolve(folder, sink.file) }
    case 'syslog':
      return {
        ...sink,
        ca: absolute(sink.ca),
        certificate: absolute(sink.certificate),
        key: absolute(sink.key),
        server: readSyslogUrl(sink.url),
      }
    case 'https':
      return {
        ...sink,
        ca: absolute(sink.ca),
        proxy: chooseProxy(sink.proxy_url, environment),
      }
  }
}
