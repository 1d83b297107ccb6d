import { expect, test } from 'vitest'
import { choosePlaces, type PlaceOptions } from '../../../src/agent/places.ts'

const own = { processId: 42, userId: 1000 }
const environment = { XDG_RUNTIME_DIR: '/run/user/1000', HOME: '/home/alice' }
const choose = (options: PlaceOptions, more: Readonly<Record<string, string>> = {}) =>
  choosePlaces(options, { ...environment, ...more }, own)
const socket = { kind: 'socket', mode: 0o600, ownFolder: false }

test('without an option it is a socket in the folder of the user', () => {
  const path = '/run/user/1000/portcullis/.s.PGSQL.5432'
  expect(choose({})).toEqual([{ ...socket, path, ownFolder: true }])
})

test('where there is no folder at run time, it is one in that of the cache', () => {
  const path = '/home/alice/.cache/portcullis/.s.PGSQL.5432'
  expect(choose({}, { XDG_RUNTIME_DIR: 'relative' })).toEqual([
    { ...socket, path, ownFolder: true },
  ])
  expect(() => choosePlaces({}, {}, own)).toThrow('there is no XDG_RUNTIME_DIR')
})

test.each([
  ['/run/app', '/run/app/.s.PGSQL.5432'],
  ['/run/app/.s.PGSQL.6000', '/run/app/.s.PGSQL.6000'],
  ['/run/app/db.sock', '/run/app/db.sock'],
])('--socket %s', (given, path) => {
  expect(choose({ socket: given })).toEqual([{ ...socket, path }])
})

test.each([
  ['0660', 0o660],
  ['600', 0o600],
])('--socket-mode %s', (socketMode, mode) => {
  expect(choose({ socketMode })).toMatchObject([{ mode }])
})

test.each(['rw', '1777', '9', ''])('--socket-mode "%s" is none', (socketMode) => {
  expect(() => choose({ socketMode })).toThrow('not the permissions of a file')
})

test.each([
  ['127.0.0.1:5432', ['127.0.0.1'], 5432],
  ['[::1]:0', ['::1'], 0],
  ['localhost:6543', ['127.0.0.1', '::1'], 6543],
])('--listen %s', (listen, addresses, port) => {
  expect(choose({ listen: [listen] })).toEqual([{ kind: 'loopback', addresses, port }])
})

test.each([
  '0.0.0.0:5432',
  '[::]:5432',
  '192.0.2.7:5432',
  '127.0.0.2:5432',
  'db.example.com:5432',
  '127.0.0.1',
  '127.0.0.1:65536',
  ':5432',
  '5432',
  'constructor:5432',
])('--listen %s is refused: it is not the loopback interface', (listen) => {
  expect(() => choose({ listen: [listen] })).toThrow('the loopback interface and nowhere else')
})

test('a port and a socket can both be asked for', () => {
  expect(choose({ listen: ['127.0.0.1:1'], socket: '/a/b.sock' })).toMatchObject([
    { kind: 'socket', path: '/a/b.sock' },
    { kind: 'loopback', port: 1 },
  ])
})

test('what systemd has opened for this process goes before all of it', () => {
  const handed = { LISTEN_PID: '42', LISTEN_FDS: '2' }
  expect(choose({ listen: ['127.0.0.1:1'] }, handed)).toEqual([
    { kind: 'inherited', descriptor: 3 },
    { kind: 'inherited', descriptor: 4 },
  ])
  expect(choose({}, { ...handed, LISTEN_PID: '41' })).toMatchObject([{ kind: 'socket' }])
  expect(() => choose({}, { ...handed, LISTEN_FDS: '-1' })).toThrow('LISTEN_FDS')
})
