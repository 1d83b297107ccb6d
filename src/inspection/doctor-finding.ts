/** `hole`: a way around Portcullis is open. `note`: worth knowing. `unknown`: it could not be found out. */
export type DoctorVerdict = 'closed' | 'hole' | 'note' | 'unknown'

/** One thing that `portcullis doctor` tried. It holds no secret. */
export interface DoctorFinding {
  readonly about: string
  /** What was tried, and as whom. */
  readonly tried: string
  readonly verdict: DoctorVerdict
  /** What the server answered. */
  readonly answer: string
  /** What closes it: lines for the files of the server, or a statement. */
  readonly fix: readonly string[]
}

/** Where a line of `fix` belongs. */
export const files = {
  hba: 'pg_hba.conf, above every other line that could match:',
  ident: 'pg_ident.conf:',
  settings: 'postgresql.conf:',
  sql: 'as a superuser:',
  catalog: 'portcullis.yaml:',
} as const
