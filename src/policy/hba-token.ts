/** A name as pg_hba.conf and pg_ident.conf have it: in quotes no word means more than itself, but that a slash begins a pattern. */
export function quoteToken(name: string): string {
  if (/[\r\n]/.test(name)) {
    throw new Error(`the files of PostgreSQL cannot name ${JSON.stringify(name)}`)
  }
  const token = name.startsWith('/') ? `/^${name.replaceAll(/[!-/:-@[-^`{-~]/g, '\\$&')}$` : name
  return `"${token.replaceAll('"', '""')}"`
}
