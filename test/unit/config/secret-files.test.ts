import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/index.ts'
import { withFiles } from './load.ts'

const yaml = `node: \${file:name}
tls: { certificate: server.crt, key: server.key }
connectivity_pools:
  main:
    participants:
      - { node: gw0, listen_address: 127.0.0.1, listen_port: 6432 }
`

test('a configuration says which files it has taken secrets of', () => {
  withFiles(yaml, { name: 'gw0\n' }, (file) => {
    const { config, secretFiles } = loadConfig(file, {})
    expect(config.node).toBe('gw0')
    expect(secretFiles).toEqual([file.replace(/[^/]*$/, 'name')])
  })
})

test('a text that is given is read in place of the file', () => {
  withFiles('broken: true', { name: 'gw0' }, (file) => {
    const { config, text } = loadConfig(file, {}, undefined, yaml)
    expect(config.node).toBe('gw0')
    expect(text).toBe(yaml)
  })
})
