import { afterEach, describe, expect, test, vi } from 'vitest'
import { doctor } from '../../../src/cli/doctor.ts'
import { formatDoctor } from '../../../src/cli/format-doctor.ts'
import type { DoctorFinding } from '../../../src/inspection/doctor-finding.ts'
import { minimal, withFiles } from '../config/load.ts'

const of = (verdict: DoctorFinding['verdict']): DoctorFinding => ({
  about: 'database "sandbox"',
  tried: 'role "app", without TLS',
  verdict,
  answer: 'lets in',
  fix: verdict === 'hole' ? ['pg_hba.conf:', 'host all all all reject'] : [],
})

afterEach(() => {
  vi.restoreAllMocks()
})

async function run(
  findings: readonly DoctorFinding[],
  options: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const examine = vi.fn().mockResolvedValue(findings)
  const pending = withFiles(minimal, {}, async (config) =>
    doctor({ config, timeout: '5', output: 'json', ...options }, examine),
  )
  return pending
}

describe('the exit code', () => {
  test.each([
    ['nothing is open', ['closed', 'note'], 0],
    ['something is open', ['closed', 'unknown', 'hole'], 1],
    ['something could not be found out', ['closed', 'unknown'], 2],
  ] as const)('says that %s', async (_, verdicts, code) => {
    expect(await run(verdicts.map(of))).toBe(code)
  })

  test.each([
    [{ timeout: '0' }],
    [{ timeout: '5s' }],
    [{ timeout: '3601' }],
    [{ database: ['other'] }],
    [{ passwordFile: '/nonexistent' }],
  ])('is that of wrong usage with %j', async (options) => {
    expect(await run([], options)).toBe(64)
  })

  test('is that of a wrong configuration where there is none', async () => {
    expect(await run([], { config: '/nonexistent' })).toBe(78)
  })
})

test('for people a hole is followed by what closes it, and all are counted', () => {
  expect(formatDoctor([of('hole'), of('unknown')])).toBe(`database "sandbox"
  HOLE     role "app", without TLS
           lets in
           -> pg_hba.conf:
              host all all all reject
  UNKNOWN  role "app", without TLS
           lets in

Ways around Portcullis that are open: 1.
What could not be found out: 1.
`)
})
