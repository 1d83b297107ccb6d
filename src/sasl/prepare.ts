import saslprep from '@mongodb-js/saslprep'

/** SASLprep (RFC 4013), or the password as it is where it cannot be prepared, as PostgreSQL does. */
export function prepare(password: string): string {
  // What is printable ASCII is prepared already (RFC 4013, 2.3).
  if (/^[\x20-\x7e]*$/.test(password)) return password
  try {
    const prepared = saslprep(password)
    return prepared === '' ? password : prepared
  } catch {
    return password
  }
}
