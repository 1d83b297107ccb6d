import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/refusal.ts'
import { mintAuthority } from '../../../src/upstream/mint-certificate.ts'
import { RoleCertificates } from '../../../src/upstream/role-certificates.ts'

const startMs = Date.UTC(2030, 0, 1)
const minuteMs = 60_000
const at = (minutes: number): Date => new Date(startMs + minutes * minuteMs)

const { certificate, key } = await mintAuthority('ca', { notBefore: at(-60), notAfter: at(60) })
const authority = {
  certificate: new X509Certificate(certificate),
  key: createPrivateKey(key),
}

function certificatesFor(validityMinutes = 10): RoleCertificates {
  return new RoleCertificates({
    authority,
    validityMs: validityMinutes * minuteMs,
    maxRoles: 3,
    context: {},
  })
}

async function refusalOf(attempt: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Refusal)) throw new Error('no refusal', { cause: error })
  expect(error.reason).toBe('upstream-authentication')
  return error.logDetail
}

describe('the certificate of a role', () => {
  test.each([
    ['at once', 0, true],
    ['just before half of its validity is over', 4.999, true],
    ['from half of its validity on', 5, false],
    ['after a clock was set back', -1, false],
  ])('is used again %s', async (_, minutes, isSame) => {
    const certificates = certificatesFor()
    const first = await certificates.contextFor('app_readonly', at(0))
    const second = await certificates.contextFor('app_readonly', at(minutes))
    expect(second === first).toBe(isSame)
  })

  test('is minted once for logins at the same time', async () => {
    const certificates = certificatesFor()
    const contexts = await Promise.all(
      Array.from({ length: 20 }, async () => certificates.contextFor('app_readonly', at(0))),
    )
    expect(new Set(contexts).size).toBe(1)
  })

  test('is that of no other role, and of no other configuration', async () => {
    const certificates = certificatesFor()
    const mine = await certificates.contextFor('app_readonly', at(0))
    expect(await certificates.contextFor('app_readwrite', at(0))).not.toBe(mine)
    expect(await certificates.contextFor('APP_READONLY', at(0))).not.toBe(mine)
    expect(await certificatesFor().contextFor('app_readonly', at(0))).not.toBe(mine)
  })

  test('is forgotten when as many others as are kept came after it', async () => {
    const certificates = certificatesFor()
    const first = await certificates.contextFor('role', at(0))
    for (const role of ['a', 'b']) await certificates.contextFor(role, at(0))
    expect(await certificates.contextFor('role', at(0))).toBe(first)
    for (const role of ['a', 'b', 'c']) await certificates.contextFor(role, at(0))
    expect(await certificates.contextFor('role', at(0))).not.toBe(first)
  })

  test('is not valid longer than its authority, nor used to the end of that', async () => {
    const certificates = certificatesFor()
    const first = await certificates.contextFor('app_readonly', at(56))
    expect(await certificates.contextFor('app_readonly', at(57.9))).toBe(first)
    expect(await certificates.contextFor('app_readonly', at(58))).not.toBe(first)
  })

  test('is not minted from the moment on in which its authority expires', async () => {
    const certificates = certificatesFor()
    await certificates.contextFor('app_readonly', new Date(at(60).getTime() - 1))
    expect(await refusalOf(certificates.contextFor('app_readonly', at(60)))).toBe(
      'no certificate for the role: the authority expired 2030-01-01T01:00:00.000Z',
    )
  })

  test.each([
    ['empty', ''],
    ['of 64 bytes', 'ä'.repeat(32)],
    ['with a zero byte', 'app\0readonly'],
    ['with half a character', 'app\ud800'],
  ])('is not minted for a name that is %s', async (_, role) => {
    expect(await refusalOf(certificatesFor().contextFor(role, at(0)))).toMatch(
      /^no certificate for the role: (a role has 1 to 63 bytes|the role is not a name)/,
    )
  })

  test('may be of a name of 63 bytes', async () => {
    await certificatesFor().contextFor(`x${'ä'.repeat(31)}`, at(0))
  })

  test('that cannot be minted is tried again by the next login', async () => {
    const broken = { ...authority, key: createPrivateKey((await otherAuthority()).key) }
    const certificates = new RoleCertificates({
      authority: broken,
      validityMs: minuteMs,
      maxRoles: 3,
      context: {},
    })
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await refusalOf(certificates.contextFor('app_readonly', at(0)))).toBe(
        'no certificate for the role: it could not be minted',
      )
    }
  })
})

async function otherAuthority() {
  return mintAuthority('other', { notBefore: at(-60), notAfter: at(60) })
}
