import { describe, expect, test } from 'vitest'
import { jsonSchema } from '../../../src/config/index.ts'
import { configurationPage, schemaText } from '../../../tools/config-docs.ts'

describe('the JSON schema', () => {
  test('describes what may be written in the file', () => {
    expect(jsonSchema()).toMatchObject({
      title: 'Portcullis configuration',
      type: 'object',
      required: ['tls'],
      additionalProperties: false,
      properties: {
        http: { properties: { listen_port: { type: ['integer', 'string'], default: 8432 } } },
        timeouts: { properties: { startup: { type: ['string', 'integer'], default: '10s' } } },
      },
    })
  })

  test('does not depend on the machine', () => {
    expect(JSON.parse(schemaText())).toEqual(jsonSchema())
    expect(jsonSchema().properties?.['node']).not.toHaveProperty('default')
  })

  test('has a description for every key', () => {
    const withoutDescription: string[] = []
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return
      for (const [key, child] of Object.entries(value)) {
        const isKey = path.endsWith('.properties')
        // What chooses a variant is described where the first of them has it.
        const isRepeated = key === 'method' && /\.oneOf\.[1-9]\.properties$/.test(path)
        if (isKey && !isRepeated && !('description' in child)) {
          withoutDescription.push(`${path}.${key}`)
        }
        visit(child, `${path}.${key}`)
      }
    }
    visit(jsonSchema(), '')
    expect(withoutDescription).toEqual([])
  })
})

describe('the configuration page', () => {
  test.each([
    '| `node` | name | the host name |',
    '| `tls.certificate` | path | required |',
    '| `timeouts.startup` | duration | `10s` |',
    '| `integrations.<name>.issuer` | URL | required |',
    '| `databases.<database>.upstream.auth.method` | `password`, `certificate`, `token`, `rds-iam`, `trust` | required |',
    '| `connectivity_pools.<name>.participants[].listen_port` | integer | required |',
    '| `settings["server.jwt_authentication.enabled"]` | on or off | `false` |',
  ])('has the row %s', (row) => {
    expect(configurationPage()).toContain(row)
  })

  test('has a description in every row', () => {
    expect(configurationPage()).not.toMatch(/\| +\|\n/)
  })
})
