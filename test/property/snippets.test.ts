// Whatever the names are, what somebody copies means the same names in the language that it is for. It is read
// back by the language itself where that is at hand, else by its grammar.
import { execFileSync } from 'node:child_process'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  dotnetQuoted,
  goLiteral,
  javascriptLiteral,
  passfileEscaped,
  pythonLiteral,
  shellQuoted,
  urlEncoded,
} from '../../src/web/pages/snippets/quote.ts'
import {
  clientLines,
  dotnet,
  go,
  jdbcUrl,
  libpqUrl,
  node,
  passfileLine,
  psqlLine,
  python,
  snippetsFor,
} from '../../src/web/pages/snippets/snippets.ts'
import type { Target } from '../../src/web/pages/snippets/target.ts'

/** Names hold no NUL, in PostgreSQL and anywhere else; half of them are made of what languages mean something by. */
const meaningful = fc.constantFrom(
  ...Array.from(`'"\\\`$;:@/?#&=%+*,!{}[]()<>|~^ \t\n\r\u2028\u202eé🙂aB1-_.`),
)
const name = fc
  .oneof(
    fc.string({ unit: meaningful, maxLength: 20 }),
    fc.string({ unit: 'binary', maxLength: 20 }),
  )
  .map((text) => text.toWellFormed().replaceAll('\0', ''))
const token = fc.stringMatching(/^[\w-]{10,60}\.[\w-]{10,80}\.[\w-]{20,86}$/)
const target: fc.Arbitrary<Target> = fc.record({
  host: fc.constantFrom('db.example.com', 'localhost', '192.0.2.7', '2001:db8::7'),
  port: fc.integer({ min: 1, max: 65_535 }),
  database: name,
  user: name,
  password: token,
  authority: fc.option(
    name.filter((one) => one !== ''),
    { nil: undefined },
  ),
  gateway: fc.constantFrom('db.example.com', 'localhost:8443', '[2001:db8::7]:8443'),
  pool: name,
})
const samples = fc.sample(name, 400)
const targets = fc.sample(target, 100)

/** What a shell makes of words: each as it is given to a program. */
function words(script: string): readonly string[] {
  const output = execFileSync('sh', { input: script, encoding: 'utf8' })
  return output.split('\0').slice(0, -1)
}

/** libpq: 34.1.1.1, keyword/value connection strings. */
function readConninfo(text: string): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {}
  const one = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\[^])*)'|((?:[^\s'\\]|\\[^])*))/y
  while (one.lastIndex < text.length) {
    const [, key = '', quoted, bare = ''] = one.exec(text) ?? []
    if (key === '') throw new Error(`not read: ${text}`)
    settings[key] = (quoted ?? bare).replaceAll(/\\([^])/g, '$1')
  }
  return settings
}

/** DbConnectionStringBuilder: a value in quotes ends at a quote that is not doubled. */
function readDotnet(text: string): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {}
  const one = /([^=;]+)=(?:"((?:[^"]|"")*)"|([^;"'\s]*))(?:;|$)/y
  while (one.lastIndex < text.length) {
    const [, key = '', quoted, bare = ''] = one.exec(text) ?? []
    if (key === '') throw new Error(`not read: ${text}`)
    settings[key] = quoted?.replaceAll('""', '"') ?? bare
  }
  return settings
}

/** The fields of a line of a passfile. */
function readPassfile(line: string): readonly string[] {
  const fields = ['']
  for (const [, escaped, plain = ''] of line.matchAll(/\\([^])|([^])/gu)) {
    if (plain === ':') fields.push('')
    else fields.push((fields.pop() ?? '') + (escaped ?? plain))
  }
  return fields
}

/** The Go Programming Language Specification, interpreted string literals. */
function readGo(literal: string): string {
  expect(literal).toMatch(/^"(?:[^"\\\n]|\\(?:[nrt"\\]|u[0-9a-f]{4}|U[0-9a-f]{8}))*"$/)
  const letters: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
  return literal
    .slice(1, -1)
    .replaceAll(
      /\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|([^]))/g,
      (_, short?: string, long?: string, one?: string) => {
        const hex = short ?? long
        if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
        return letters[one ?? ''] ?? one ?? ''
      },
    )
}

function readPython(literals: readonly string[]): readonly string[] {
  const program =
    'import ast, json, sys; print(json.dumps([ast.literal_eval(one) for one in json.load(sys.stdin)]))'
  const input = JSON.stringify(literals)
  return JSON.parse(
    execFileSync('python3', ['-c', program], { input, encoding: 'utf8' }),
  ) as string[]
}

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write(
      'SKIPPED: python3 is not installed, nothing reads literals of Python back\n',
    )
    return false
  }
}

describe('any name is one value, and the same, in', () => {
  test('a shell', () => {
    const script = `printf '%s\\0' ${samples.map((one) => shellQuoted(one) || "''").join(' ')}`
    expect(words(script)).toEqual(samples)
  })

  test('JavaScript', () => {
    const read = runInNewContext(`[${samples.map(javascriptLiteral).join(', ')}]`) as string[]
    expect([...read]).toEqual(samples)
  })

  test.runIf(hasPython())('Python', () => {
    expect(readPython(samples.map(pythonLiteral))).toEqual(samples)
  })

  test('Go', () => {
    for (const one of samples) expect(readGo(goLiteral(one))).toBe(one)
  })

  test('a URL, also where a plus sign is a blank', () => {
    for (const one of samples) {
      expect(decodeURIComponent(urlEncoded(one))).toBe(one)
      expect(new URLSearchParams(`x=${urlEncoded(one)}`).get('x')).toBe(one)
      expect(urlEncoded(one)).toMatch(/^(?:[\w.~-]|%[0-9A-F]{2})*$/)
    }
  })

  test('a connection string of .NET', () => {
    for (const one of samples) {
      expect(readDotnet(`a=${dotnetQuoted(one)};b=x`)).toEqual({ a: one, b: 'x' })
    }
  })

  test('a passfile, which has no word for the end of a line', () => {
    for (const one of samples) {
      const escaped = passfileEscaped(one)
      expect(escaped === undefined).toBe(/[\r\n]/.test(one))
      if (escaped !== undefined) expect(readPassfile(escaped)).toEqual([one])
    }
  })
})

test('a database that is called * is not any database in a passfile', () => {
  expect(passfileEscaped('*')).toBe('\\*')
})

describe('wherever and as whoever one connects, the same is said by', () => {
  const expected = ({ host, port, database, user, authority }: Target): object => ({
    host,
    port: String(port),
    dbname: database,
    user,
    sslmode: 'verify-full',
    sslrootcert: authority ?? 'system',
  })

  test('the line of psql', () => {
    const script = targets.map((one) => `${psqlLine(one)}\n`).join('')
    const output = words(`psql() { printf '%s\\0' "$PGPASSWORD" "$#" "$1"; }\n${script}`)
    const calls = targets.map((_, index) => output.slice(3 * index, 3 * index + 3))
    for (const [index, one] of targets.entries()) {
      const [password, count, conninfo = ''] = calls[index] ?? []
      expect([password, count]).toEqual([one.password, '1'])
      expect(readConninfo(conninfo)).toEqual(expected(one))
      // Most shells keep out of their history what begins with a blank.
      expect(psqlLine(one)).toMatch(/^ PGPASSWORD=/)
    }
  })

  test('the URLs', () => {
    for (const one of targets) {
      const { host, port, database, user, password, authority } = one
      const url = new URL(libpqUrl(one))
      expect([decodeURIComponent(url.username), url.password]).toEqual([user, password])
      expect(pathIn(libpqUrl(one))).toBe(`/${database}`)
      expect(url.hostname.replaceAll(/[[\]]/g, '')).toBe(host)
      expect(url.port).toBe(String(port))
      expect(Object.fromEntries(url.searchParams)).toEqual({
        sslmode: 'verify-full',
        sslrootcert: authority ?? 'system',
      })
      expect(url.hash).toBe('')

      const jdbc = new URL(jdbcUrl(one).slice('jdbc:'.length))
      expect(pathIn(jdbcUrl(one))).toBe(`/${database}`)
      expect(Object.fromEntries(jdbc.searchParams)).toEqual({
        user,
        password,
        sslmode: 'verify-full',
        ...(authority === undefined
          ? { sslfactory: 'org.postgresql.ssl.DefaultJavaSSLFactory' }
          : { sslrootcert: authority }),
      })

      const [, literal = ''] = /pgx\.Connect\(ctx, (.*)\)\n/.exec(go(one)) ?? []
      const pgx = new URL(readGo(literal))
      expect(decodeURIComponent(pgx.username)).toBe(user)
      expect(Object.fromEntries(pgx.searchParams)).toEqual({
        sslmode: 'verify-full',
        ...(authority !== undefined && { sslrootcert: authority }),
      })
    }
  })

  test('the line of a passfile', () => {
    for (const one of targets) {
      const { host, port, database, user, password } = one
      const line = passfileLine(one)
      if (line === undefined) expect(`${database}${user}`).toMatch(/[\r\n]/)
      else expect(readPassfile(line)).toEqual([host, String(port), database, user, password])
    }
  })

  test('the connection string of .NET', () => {
    for (const one of targets) {
      const { host, port, database, user, password, authority } = one
      expect(readDotnet(dotnet(one))).toEqual({
        Host: host,
        Port: String(port),
        Database: database,
        Username: user,
        Password: password,
        'SSL Mode': 'VerifyFull',
        ...(authority !== undefined && { 'Root Certificate': authority }),
      })
    }
  })

  test('the program of Node.js', () => {
    for (const one of targets) {
      const [, options = ''] = /new pg\.Client\((\{[^]*\})\)\nawait/.exec(node(one)) ?? []
      const readFileSync = (path: string): string => `what is in ${path}`
      const { host, port, database, user, password, authority } = one
      const ssl = authority === undefined ? true : { ca: `what is in ${authority}` }
      expect({ ...(runInNewContext(`(${options})`, { readFileSync }) as object) }).toEqual({
        ...{ host, port, database, user, password, ssl },
      })
    }
  })

  test.runIf(hasPython())('the program of Python', () => {
    const literals = targets.map((one) => {
      const [, settings = ''] = /connect\(([^]*?),\n\) as/.exec(python(one)) ?? []
      const pairs = settings.split(',\n').map((line) => line.trim().replace(/^(\w+)=/, '"$1": '))
      return `{${pairs.join(', ')}}`
    })
    const read = readPython(literals)
    for (const [index, one] of targets.entries()) {
      const { port, password } = one
      expect(read[index]).toEqual({ ...expected(one), port, password })
    }
  })

  test('the lines of the command of clients', () => {
    const script = targets.map((one) => `${clientLines(one)}\n`).join('')
    const output = words(`portcullis() { printf '%s\\0' "$@" .; }\n${script}`)
    let rest = output
    for (const { gateway, pool, database, user, authority } of targets) {
      const said = [`--pool=${pool}`, `--database=${database}`, `--user=${user}`]
      if (authority !== undefined) said.push(`--ca-file=${authority}`)
      const expectedWords = ['login', gateway, ...said, '.', 'psql', '.']
      expect(rest.slice(0, expectedWords.length)).toEqual(expectedWords)
      rest = rest.slice(expectedWords.length)
    }
    expect(rest).toEqual([])
  })

  test('all of them, each with the token but for the command that gets its own', () => {
    for (const one of targets) {
      for (const { id, text } of snippetsFor(one)) {
        if (text === undefined) continue
        if (id === 'portcullis') expect(text).not.toContain(one.password)
        else expect(text).toContain(one.password)
      }
    }
  })
})

/** As libpq and PgJDBC read it: `URL` takes a database that is called `.` for a step of the way. */
function pathIn(url: string): string {
  const [, path = ''] = /^[a-z:]+\/\/[^/]*(\/[^?]*)\?/.exec(url) ?? []
  return decodeURIComponent(path)
}
