import { ConfigError } from '../config/index.ts'
import { printable } from '../refusal.ts'
import { type Verdict, verifyFiles } from './audit-verify.ts'
import { describeFailure } from './failure.ts'
import { readConfig } from './read-config.ts'

export interface AuditVerifyOptions {
  readonly config?: string
  readonly open?: true
  readonly output: 'text' | 'json'
}

/** Prints whether files of the audit are as they were written, and returns the exit code. */
export async function auditVerify(
  files: readonly string[],
  { config, open, output }: AuditVerifyOptions,
): Promise<number> {
  try {
    const keys = config === undefined ? [] : readConfig(config).config.audit.chain_keys
    const verdict = await verifyFiles(files, keys)
    const isJson = output === 'json'
    process.stdout.write(isJson ? `${JSON.stringify(verdict, undefined, 2)}\n` : format(verdict))
    if (verdict.outcome === 'changed') return 1
    return verdict.outcome === 'whole' || open === true ? 0 : 2
  } catch (error) {
    process.stderr.write(describeFailure(error))
    return error instanceof ConfigError ? 78 : 3
  }
}

function format({ outcome, records, chains, unprotected, lost, ...found }: Verdict): string {
  const { troubles, troubleCount } = found
  const lines = troubles.map(({ file, line, what }) => `${printable(file, 200)}:${line}: ${what}`)
  if (troubleCount > troubles.length) lines.push(`... and ${troubleCount - troubles.length} more`)
  for (const { id, first, last, hash, isEnded } of chains) {
    const end = isEnded ? 'ended' : 'no end: its writer runs still, was killed, or it is cut off'
    lines.push(`chain ${id}: records ${first} to ${last}, ${end}; head ${hash}`)
    if (first > 1) lines.push(`  what is before record ${first} is in no file that was given`)
  }
  if (unprotected > 0)
    lines.push(`${unprotected} records before the first chain are protected by nothing`)
  if (lost > 0) lines.push(`${lost} records had no room when they were written, and are missing`)
  const verdicts = {
    whole: 'nothing is changed or missing',
    open: 'nothing is changed, but the beginning or the end is not there',
    changed: 'this is not what was written',
  }
  return `${lines.join('\n')}\n${records} records: ${verdicts[outcome]}\n`
}
