import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readPlaces } from '../../../src/config/read-places.ts'

const folder = mkdtempSync(join(tmpdir(), 'portcullis-places-'))
const file = join(folder, 'portcullis.yaml')

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function places(text: string): ReturnType<typeof readPlaces> {
  writeFileSync(file, text)
  return readPlaces(file, { HTTP_PORT: '9000' })
}

test('where a file says nothing, health is where it is by default and there is no control socket', () => {
  expect(places('')).toEqual({
    httpAddress: '127.0.0.1',
    httpPort: 8432,
    controlSocket: undefined,
    auditFiles: [],
  })
})

test('what is written is used, with references resolved and paths from the folder of the file', () => {
  const text = `http: { listen_address: '::', listen_port: "\${env:HTTP_PORT}" }\ncontrol_socket: c.sock\n`
  expect(places(text)).toEqual({
    httpAddress: '::',
    httpPort: 9000,
    controlSocket: join(folder, 'c.sock'),
    auditFiles: [],
  })
})

test.each([
  ['one place', 'audit: { sink: file, file: audit.jsonl }'],
  ['a list', 'audit: { sinks: [{ sink: stdout }, { sink: file, file: audit.jsonl }] }'],
])('the file of the audit is found, written as %s', (_, text) => {
  expect(places(text).auditFiles).toEqual([join(folder, 'audit.jsonl')])
})

test('secrets are not read, and other keys may be wrong', () => {
  const text = 'nod: 1\nsecret: ${file:/does/not/exist}\nhttp: { listen_port: 1 }\n'
  expect(places(text).httpPort).toBe(1)
})

test.each([
  ['a port that is none', 'http: { listen_port: 65536 }', /1:22: http.listen_port: must be a port/],
  ['a mapping for a port', 'http: { listen_port: {} }', /http.listen_port: must be one value/],
  ['a variable that is not set', 'control_socket: ${env:NONE}', /control_socket: environment/],
  ['no YAML', 'a: [', /invalid YAML/],
])('%s is a problem of the configuration', (_, text, message) => {
  expect(() => places(text)).toThrow(message)
})

test('a file that is not there is a problem of the configuration', () => {
  expect(() => readPlaces(join(folder, 'none.yaml'))).toThrow(/does not exist/)
})
