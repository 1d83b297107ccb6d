// Connection strings as libpq reads them (PostgreSQL 34.1.1), as far as they say where a password goes. What is read
// differently here would be a way for a token to another server.
import { isConnectionString } from '../../credentials/libpq.ts'

export interface Parameter {
  readonly name: string
  readonly value: string
}

/** What a connection string says, in its order; undefined where libpq would not take it either. */
export function readConnectionString(text: string): readonly Parameter[] | undefined {
  if (!isConnectionString(text)) return [{ name: 'dbname', value: text }]
  const uri = /^postgres(?:ql)?:\/\/(.*)$/s.exec(text)
  return uri === null ? readPairs(text) : readUri(uri[1] ?? '')
}

/** `[user[:password]@][host][:port][,...][/database][?name=value[&...]]`: a `?` does not end the part before `@`. */
function readUri(text: string): readonly Parameter[] | undefined {
  const [, userInfo = '', rest = ''] = /^(?:([^@/]*)@)?(.*)$/s.exec(text) ?? []
  const [, user = '', password = ''] = /^([^:]*):?(.*)$/s.exec(userInfo) ?? []
  const one = /(\[[^\]]+\]|[^:/?,]*)(?::([^/?,]*))?([,/?]|$)/sy
  const hosts: string[] = []
  const ports: string[] = []
  let end = ','
  while (end === ',') {
    const found = one.exec(rest)
    if (found === null) return undefined
    const [, host = '', port = '', next = ''] = found
    hosts.push(host.replace(/^\[(.*)\]$/s, '$1'))
    ports.push(port)
    end = next
  }
  const after = rest.slice(one.lastIndex)
  const [database = '', ...queries] = end === '?' ? ['', after] : after.split('?')
  const named = [
    { name: 'user', value: user },
    { name: 'password', value: password },
    { name: 'host', value: hosts.join(',') },
    { name: 'port', value: ports.join(',') },
    { name: 'dbname', value: database },
  ].filter(({ value }) => value !== '')
  const query = queries.join('?')
  for (const pair of query === '' ? [] : query.split('&')) {
    const [name, value, ...more] = pair.split('=')
    if (name === undefined || value === undefined || more.length > 0) return undefined
    named.push({ name, value })
  }
  try {
    return named.map(({ name, value }) => ({
      name: decodeURIComponent(name),
      value: decodeURIComponent(value),
    }))
  } catch {
    return undefined
  }
}

/** `name = value ...`, with values in single quotes, and backslashes before what stands for itself. */
function readPairs(text: string): readonly Parameter[] | undefined {
  const pair =
    /[ \t\n\v\f\r]*([^ \t\n\v\f\r=]+)[ \t\n\v\f\r]*=[ \t\n\v\f\r]*(?:'((?:[^'\\]|\\.)*)'|((?:[^ \t\n\v\f\r\\']|\\.)(?:[^ \t\n\v\f\r\\]|\\.)*)?)/sy
  const end = text.replace(/[ \t\n\v\f\r]+$/, '').length
  const found: Parameter[] = []
  while (pair.lastIndex < end) {
    const [, name, quoted, plain = ''] = pair.exec(text) ?? []
    if (name === undefined) return undefined
    found.push({ name, value: (quoted ?? plain).replaceAll(/\\(.)/gs, '$1') })
  }
  return found
}
