// docs/configuration.md and docs/portcullis.schema.json, written from the schema of the configuration.

import { jsonSchema, type JsonSchema } from '../src/config/index.ts'

/** The JSON schema that editors check a configuration file with. */
export function schemaText(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`
}

const introduction = `# Configuration

<!-- Written by tools/config-docs.ts from src/config/schema. Do not edit. -->

Portcullis reads one YAML 1.2 file, usually \`portcullis.yaml\`. When anything in it is wrong, the server does not start
and prints every problem at once, each with its line:

\`\`\`
portcullis.yaml:12:5: integrations.sso.isuer: unknown key; did you mean "issuer"?
\`\`\`

An unknown key is an error, and so is a duplicate one. The file may have at most 1 MiB.

Editors check and complete the file with [portcullis.schema.json](portcullis.schema.json):

\`\`\`yaml
# yaml-language-server: $schema=portcullis.schema.json
\`\`\`

## Values from elsewhere

\`\${env:NAME}\` stands for an environment variable and \`\${file:path}\` for the contents of a file, without the newline
at its end and at most 64 KiB. Both work inside any value, as part of it or as all of it, and not in keys. Write \`$\${\`
for a literal \`\${\`. What they bring in never appears in a message or a log.

Between \`{ }\` and \`[ ]\`, YAML wants quotes around them: \`{ listen_port: "\${env:PORT}" }\`.

## Kinds of values

| Kind | Written as |
|---|---|
| duration | Whole numbers with units, largest first: \`500ms\`, \`10s\`, \`5m\`, \`1h30m\`. Only \`0\` needs no unit. |
| size | A number of bytes, or one with a unit: \`512\`, \`10kB\` (10,000), \`64KiB\` (65,536), \`1MiB\`. |
| path | The path of a file. A relative one begins at the folder of the configuration file. |
| name | 1 to 63 letters, digits, \`.\`, \`_\` or \`-\`. |
| role, group, database | 1 to 63 bytes, any characters. Case matters. |
| claim | The literal name of a claim, dots and slashes included; a JSON Pointer (RFC 6901) if it begins with a slash. |
| CIDR range | \`10.0.0.0/8\`, \`2001:db8::/32\`, or a single address. |
| text | Several lines after \`\\|\`. |
`

/** The reference of every key, grouped by section. */
export function configurationPage(): string {
  const properties = Object.entries(jsonSchema().properties ?? {})
  const plain = properties.filter(([, schema]) => !isSection(asSchema(schema)))
  const sections = properties.filter(([, schema]) => isSection(asSchema(schema)))
  return [
    introduction,
    '## General\n',
    table(plain.flatMap(([key, schema]) => rowsOf(key, asSchema(schema), false))),
    ...sections.flatMap(([key, schema]) => sectionPart(key, asSchema(schema))),
  ].join('\n')
}

function sectionPart(key: string, schema: JsonSchema): readonly string[] {
  const isDictionary = schema.properties === undefined
  const rows = childrenOf(key, schema)
  const isRequired = schema.default === undefined && schema['x-default'] === undefined
  const requirement = isRequired ? ' The section is required.' : ''
  const shape = isDictionary ? ' A mapping from names to entries.' : ''
  return [`## ${key}\n`, `${schema.description ?? ''}${shape}${requirement}\n`, table(rows)]
}

interface Row {
  readonly path: string
  readonly kind: string
  readonly initial: string
  readonly description: string
}

function table(rows: readonly Row[]): string {
  const lines = merged(rows).map(({ path, kind, initial, description }) => {
    const cells = [`\`${path}\``, kind, initial, description]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| Key | Type | Default | Description |', '|---|---|---|---|', ...lines, ''].join('\n')
}

/** The variants of a union share keys: one row for each key, with the types of all of them. */
function merged(rows: readonly Row[]): readonly Row[] {
  const byPath = new Map<string, Row>()
  for (const row of rows) {
    const earlier = byPath.get(row.path)
    byPath.set(row.path, earlier ? { ...earlier, kind: `${earlier.kind}, ${row.kind}` } : row)
  }
  return [...byPath.values()]
}

function rowsOf(path: string, schema: JsonSchema, isRequired: boolean): readonly Row[] {
  const row: Row = {
    path,
    kind: kindOf(schema),
    initial: isRequired ? 'required' : initialOf(schema),
    description: schema.description ?? '',
  }
  return [row, ...childrenOf(path, schema)]
}

function childrenOf(path: string, schema: JsonSchema): readonly Row[] {
  if (isDescribedElsewhere(schema)) return []
  const required = new Set(schema.required)
  const named = Object.entries(schema.properties ?? {}).flatMap(([key, child]) =>
    rowsOf(stepped(path, key), asSchema(child), required.has(key)),
  )
  const items = schema.items === undefined || Array.isArray(schema.items) ? {} : schema.items
  return [
    ...named,
    ...nested(`${path}.<${entryName(schema)}>`, asSchema(schema.additionalProperties)),
    ...nested(`${path}[]`, asSchema(items)),
    ...(schema.oneOf ?? []).flatMap((variant) => childrenOf(path, asSchema(variant))),
  ]
}

function nested(path: string, schema: JsonSchema): readonly Row[] {
  return schema.properties === undefined ? [] : childrenOf(path, schema)
}

function stepped(path: string, key: string): string {
  return key.includes('.') ? `${path}["${key}"]` : `${path}.${key}`
}

function kindOf(schema: JsonSchema): string {
  const special = schema['x-type']
  if (typeof special === 'string') return special
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ')
  const variants = schema.anyOf ?? schema.oneOf
  if (variants !== undefined) {
    return [...new Set(variants.map((variant) => kindOf(asSchema(variant))))].join(' or ')
  }
  if (schema.type === 'array') return `list of ${kindOf(asSchema(schema.items as JsonSchema))}`
  if (schema.type === 'null') return '`null`'
  if (!isObject(schema)) return [schema.type].flat()[0] ?? ''
  return schema.properties === undefined
    ? `mapping from ${entryName(schema)} to ${kindOf(asSchema(schema.additionalProperties))}`
    : 'section'
}

function entryName(schema: JsonSchema): string {
  return kindOf(asSchema(schema.propertyNames))
}

function initialOf(schema: JsonSchema): string {
  const special = schema['x-default']
  if (typeof special === 'string') return special
  const { default: initial } = schema
  if (initial === undefined) return ''
  if (initial === '') return 'empty'
  if (typeof initial !== 'object' || initial === null) return code(initial)
  const values = Array.isArray(initial) ? initial : Object.values(initial)
  if (values.length === 0) return schema.properties === undefined ? 'empty' : ''
  const all = asSchema(schema.items as JsonSchema).enum?.length === values.length
  return all ? 'all of them' : values.map(code).join(', ')
}

function code(value: unknown): string {
  return `\`${String(value)}\``
}

function isSection(schema: JsonSchema): boolean {
  return isObject(schema) && !isDescribedElsewhere(schema)
}

/** A section whose keys are those of another. */
function isDescribedElsewhere(schema: JsonSchema): boolean {
  return schema['x-type'] === 'section'
}

function asSchema(schema: JsonSchema | boolean | undefined): JsonSchema {
  return typeof schema === 'object' ? schema : {}
}

/** A section may have a short form beside it. */
function isObject({ type }: JsonSchema): boolean {
  return [type].flat().includes('object')
}
