/** Whose rules and words an integration has: our own, or those of CockroachDB's JWT authentication. */
export type Dialect = 'portcullis' | 'cockroachdb'
