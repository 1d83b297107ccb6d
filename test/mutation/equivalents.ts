// Changes that no test can notice, because the program does the same with them. `npm run mutation` fails
// where one is listed that a test does notice, so that the list cannot grow old.

export interface Equivalent {
  readonly file: string
  readonly code: string
  readonly changedTo: string
  readonly because: string
}

const narrowing = 'it only tells the compiler what the next comparison implies'

export const equivalents: readonly Equivalent[] = [
  {
    file: 'src/identity/authorization-code.ts',
    code: 'idToken === undefined',
    changedTo: 'false',
    because: 'where a nonce is expected, openid-client takes no answer without an ID token',
  },
  {
    file: 'src/identity/bounded-fetch.ts',
    code: "error.name === 'TimeoutError'",
    changedTo: 'false',
    because: 'Node calls it AbortError; another runtime may not',
  },
  {
    file: 'src/identity/bounded-fetch.ts',
    code: "'TimeoutError'",
    changedTo: '""',
    because: 'Node calls it AbortError; another runtime may not',
  },
  {
    file: 'src/identity/check-claims.ts',
    code: 'iat !== undefined',
    changedTo: 'true',
    because: 'undefined times a thousand is not a number, and is not greater than anything',
  },
  {
    file: 'src/identity/fetch-userinfo.ts',
    code: '{ return undefined }',
    changedTo: '{}',
    because: 'a function that ends returns undefined',
  },
  {
    file: 'src/identity/token-shape.ts',
    code: '{ return undefined }',
    changedTo: '{}',
    because: 'a function that ends returns undefined',
  },
  {
    file: 'src/identity/token-shape.ts',
    code: 'end === -1',
    changedTo: 'false',
    because: 'without a dot the header is not looked at, only the length',
  },
  {
    file: 'src/identity/token-shape.ts',
    code: '-1',
    changedTo: '+1',
    because: 'without a dot the header is not looked at, only the length',
  },
  {
    file: 'src/identity/token-shape.ts',
    code: "''",
    changedTo: '"Stryker was here!"',
    because: 'there are three segments by then',
  },
  {
    file: 'src/identity/token-shape.ts',
    code: 'segments.slice(0, 2)',
    changedTo: 'segments',
    because: 'what is made of the third segment is not used',
  },
  {
    file: 'src/identity/unique-names.ts',
    code: "'\\\\'",
    changedTo: '""',
    because: 'JSON.parse reads names without escapes as well, and takes longer',
  },
  {
    file: 'src/identity/key-cache.ts',
    code: 'this.#inFlight === undefined',
    changedTo: 'true',
    because: 'a refresh joins the one that is under way',
  },
  {
    file: 'src/identity/required-claims.ts',
    code: "typeof acr !== 'string'",
    changedTo: 'false',
    because: narrowing,
  },
  ...[
    ['rules.maxTokenAgeMs === undefined || iat === undefined', 'false'],
    [
      'rules.maxTokenAgeMs === undefined || iat === undefined',
      'rules.maxTokenAgeMs === undefined && iat === undefined',
    ],
    ['rules.maxTokenAgeMs === undefined', 'false'],
    ['iat === undefined', 'false'],
    ['tooOldAt < expiresAt', 'tooOldAt <= expiresAt'],
  ].map(([code = '', changedTo = '']) => ({
    file: 'src/identity/token-identity.ts',
    code,
    changedTo,
    because: 'a date that is none is not before another, and of two equal ones either will do',
  })),
  {
    file: 'src/identity/verify-token.ts',
    code: 'true',
    changedTo: 'false',
    because: 'the mark of a Principal is its type; nobody reads the value',
  },
  {
    file: 'src/policy/decide.ts',
    code: 'name !== undefined',
    changedTo: 'true',
    because: 'no group of the catalog is called undefined',
  },
  {
    file: 'src/policy/decide.ts',
    code: 'integration.defaultGroup !== undefined',
    changedTo: 'true',
    because: 'no group of the catalog is called undefined',
  },
  ...[
    ['issuer === undefined || principal === undefined || role === undefined', 'false'],
    [
      'issuer === undefined || principal === undefined || role === undefined',
      '(issuer === undefined || principal === undefined) && role === undefined',
    ],
    ['issuer === undefined || principal === undefined', 'false'],
    [
      'issuer === undefined || principal === undefined',
      'issuer === undefined && principal === undefined',
    ],
    ['issuer === undefined', 'false'],
    ['principal === undefined', 'false'],
    ['role === undefined', 'false'],
  ].map(([code = '', changedTo = '']) => ({
    file: 'src/policy/identity-map.ts',
    code,
    changedTo,
    because: 'the number of fields is compared too',
  })),
  ...[
    [
      '/^[\\s"\']*(?:Bearer[\\s"\']+)?/i.exec(password)?.[0]',
      '/^[\\s"\']*(?:Bearer[\\s"\']+)?/i.exec(password)[0]',
    ],
    ['/^[\\s"\']*(?:Bearer[\\s"\']+)?/i', '/[\\s"\']*(?:Bearer[\\s"\']+)?/i'],
  ].map(([code = '', changedTo = '']) => ({
    file: 'src/session/read-credential.ts',
    code,
    changedTo,
    because: 'the expression matches every text, at its beginning',
  })),
  ...['true', 'end >= wrapping.length'].map((changedTo) => ({
    file: 'src/session/read-credential.ts',
    code: 'end > wrapping.length',
    changedTo,
    because: 'what is wrapping from both ends leaves nothing between them',
  })),
  {
    file: 'src/session/client-intent.ts',
    code: '/^(?:--|-c)([^]+)$/',
    changedTo: '/^(?:--|-c)([^]+)/',
    because: 'the last group takes everything to the end',
  },
  {
    file: 'src/policy/identity-map.ts',
    code: 'issuer?.text',
    changedTo: 'issuer.text',
    because: 'a line without fields is passed over before',
  },
  {
    file: 'src/policy/identity-map.ts',
    code: "''",
    changedTo: '"Stryker was here!"',
    because: 'a line without fields is passed over before',
  },
  {
    file: 'src/policy/cockroach-identity-map.ts',
    code: '{ return undefined }',
    changedTo: '{}',
    because: 'a function that ends returns undefined',
  },
  {
    file: 'src/identity/decryption-keys.ts',
    code: '{ return undefined }',
    changedTo: '{}',
    because: 'a function that ends returns undefined',
  },
  {
    file: 'src/identity/introspect.ts',
    code: 'true',
    changedTo: 'false',
    because: 'the mark of an ActiveToken is its type; nobody reads the value',
  },
  ...[
    ['[audience, resource].filter((one) => one !== undefined)', '[audience, resource]'],
    ['one !== undefined', 'true'],
  ].map(([code = '', changedTo = '']) => ({
    file: 'src/identity/token-exchange.ts',
    code,
    changedTo,
    because: 'no audience of a token is undefined: JSON has no such value',
  })),
]
