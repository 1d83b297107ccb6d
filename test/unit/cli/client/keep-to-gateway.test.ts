// A token is never sent to another server than the gateway of its profile.
import { describe, expect, test } from 'vitest'
import { readConnectionString } from '../../../../src/cli/client/connection-string.ts'
import { endpointsNamed } from '../../../../src/cli/client/keep-to-gateway.ts'
import { endpointsOfCommand } from '../../../../src/cli/client/psql-arguments.ts'

const first = { host: 'db.example.com', port: 5432 }
const second = { host: 'db2.example.com', port: 5433 }
const endpoints = [first, second] as const

describe('a connection string is read as libpq does', () => {
  test.each([
    ['a name', 'sandbox', { dbname: 'sandbox' }],
    ['an empty one', 'postgres://', {}],
    [
      'all parts',
      'postgresql://al%40ice:p%3Aw@db.example.com:6432/sand%20box?sslmode=verify-full',
      {
        user: 'al@ice',
        password: 'p:w',
        host: 'db.example.com',
        port: '6432',
        dbname: 'sand box',
        sslmode: 'verify-full',
      },
    ],
    ['several hosts', 'postgres://a:1,b,[::1]:3/x', { host: 'a,b,::1', port: '1,,3', dbname: 'x' }],
    ['no path', 'postgres://a?dbname=x', { host: 'a', dbname: 'x' }],
    ['an @ behind a ?', 'postgres://a?x=1@evil/', { user: 'a?x=1', host: 'evil' }],
    [
      'pairs',
      "host = a  port=1 dbname='it\\'s' user=a\\ b",
      { host: 'a', port: '1', dbname: "it's", user: 'a b' },
    ],
    ['an empty value', 'host= dbname=x', { host: 'dbname=x' }],
    ['quotes without a blank between', "host='a'port='1'", { host: 'a', port: '1' }],
    ['white space that is none', 'dbname=x\u00a0host=evil', { dbname: 'x\u00a0host=evil' }],
  ])('%s', (_, text, expected) => {
    const found = readConnectionString(text)
    expect(Object.fromEntries(found?.map(({ name, value }) => [name, value]) ?? [])).toEqual(
      expected,
    )
  })

  test.each([
    ['half a pair', 'host=a port'],
    ['a value that does not end', "host='a"],
    ['two = in a URL', 'postgres://a/?host=b=c'],
    ['no = in a URL', 'postgres://a/?host'],
    ['an escape that is none', 'postgres://a%zz/'],
  ])('%s is none', (_, text) => {
    expect(readConnectionString(text)).toBeUndefined()
  })
})

describe('a connection string may lead to the gateway', () => {
  test.each([
    ['by no host', 'postgres:///sandbox', endpoints],
    ['by the name alone', 'postgres://db2.example.com/sandbox', [second]],
    ['by name and port', 'host=DB.example.com port=5432', [first]],
    ['by all of them', 'postgres://db2.example.com:5433,db.example.com:5432/', [second, first]],
    ['by the port alone', 'port=5433 dbname=x', [second]],
    ['with verified TLS', 'dbname=x sslmode=verify-full gssencmode=disable', endpoints],
  ])('%s', (_, text, expected) => {
    expect(endpointsNamed(text, endpoints)).toEqual(expected)
  })
})

describe('a connection string is refused', () => {
  test.each([
    ['another host', 'postgres://evil.example.com/'],
    ['another host behind ours', 'postgres://db.example.com,evil.example.com/'],
    ['another port', 'postgres://db.example.com:5433/'],
    ['a host that is said twice', 'postgres://db.example.com/?host=evil.example.com'],
    ['a host behind an @ that is behind a ?', 'postgres://db.example.com?x=1@evil.example.com/'],
    ['an empty host', "host='' dbname=x"],
    ['an empty one among ours', 'postgres://db.example.com,/'],
    ['a Unix socket', 'host=/tmp'],
    ['an address', 'hostaddr=192.0.2.1'],
    ['a service', 'service=other'],
    ['no verification', 'dbname=x sslmode=require'],
    ['no verification by its old name', 'postgres://db.example.com/?ssl=true'],
    ['Kerberos before TLS', 'dbname=x gssencmode=prefer'],
    ['nothing that can be read', "host='x"],
  ])('for %s', (_, text) => {
    expect(() => endpointsNamed(text, endpoints)).toThrow(
      expect.objectContaining({ kind: 'usage' }),
    )
  })
})

describe('arguments may lead to the gateway', () => {
  test.each([
    ['none', ['psql'], endpoints],
    ['a database', ['psql', 'sandbox'], endpoints],
    ['its host', ['psql', '-h', 'db2.example.com'], [second]],
    ['host and port in one word each', ['psql', '-hdb2.example.com', '--port=5433'], [second]],
    ['a name cut short', ['psql', '--ho', 'db.example.com'], [first]],
    ['letters together', ['psql', '-Ath', 'db.example.com'], [first]],
    ['a statement that looks like one', ['psql', '-c', 'postgres://evil/'], endpoints],
    ['a user that is no host', ['psql', '-U', '-h'], endpoints],
    ['pg_dump', ['pg_dump', '-Fd', '-h', 'db.example.com', 'sandbox'], [first]],
    ['a script with any arguments', ['./migrate', '-h', '--host=evil'], endpoints],
    ['a URL of ours', ['./migrate', '--url=postgres://db.example.com/x'], [first]],
  ] as const)('with %s', (_, command, expected) => {
    expect(endpointsOfCommand([...command], endpoints)).toEqual(expected)
  })
})

describe('arguments are refused', () => {
  test.each([
    ['another host', ['psql', '-h', 'evil']],
    ['another host in one word', ['psql', '-hevil']],
    ['another host behind letters', ['psql', '-Ath', 'evil']],
    ['another host by name', ['psql', '--host=evil']],
    ['another host by a name cut short', ['psql', '--ho=evil']],
    ['another port', ['psql', '-p', '6432']],
    ['a URL as the database', ['psql', 'postgres://evil/']],
    ['a URL behind --', ['psql', '--', 'postgres://evil/']],
    ['a URL by option', ['psql', '-d', 'postgresql://evil/']],
    ['pairs by option', ['psql', '--dbname=host=evil']],
    ['a service', ['psql', 'service=other']],
    ['psql by its path', ['/usr/bin/psql', '-h', 'evil']],
    ['pg_dump', ['pg_dump', '--host=evil', 'x']],
    ['pg_dump with a URL', ['pg_dump', '--dbname=postgres://evil/x']],
    ['pgbench', ['pgbench', '-c', '10', '-h', 'evil']],
    ['any program with a URL', ['./migrate', '--url=postgres://evil/x']],
    ['any program with pairs', ['./migrate', 'host=evil dbname=x']],
    ['any program with a service', ['./migrate', 'dbname=x service=other']],
  ] as const)('for %s', (_, command) => {
    expect(() => endpointsOfCommand([...command], endpoints)).toThrow(
      expect.objectContaining({ kind: 'usage' }),
    )
  })
})
