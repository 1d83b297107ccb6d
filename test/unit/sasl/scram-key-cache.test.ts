import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ScramKeyCache } from '../../../src/sasl/scram-key-cache.ts'

const salt = Buffer.from('0123456789abcdef')

function keysOf(verifier: string): {
  iterations: number
  salt: Buffer
  storedKey: string | undefined
  serverKey: string | undefined
} {
  const [, iterations, saltText = '', storedKey, serverKey] =
    /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier) ?? []
  return {
    iterations: Number(iterations),
    salt: Buffer.from(saltText, 'base64'),
    storedKey,
    serverKey,
  }
}

/** The keys in the form that a verifier has them. */
async function derived(
  password: string,
  verifier: string,
): Promise<{ storedKey: string; serverKey: string }> {
  const { salt, iterations } = keysOf(verifier)
  const keys = await new ScramKeyCache(10).keysFor(password, salt, iterations)
  return {
    storedKey: createHash('sha256').update(keys.clientKey).digest('base64'),
    serverKey: keys.serverKey.toString('base64'),
  }
}

describe('the SCRAM keys of a password', () => {
  // Verifiers as PostgreSQL 18.4 itself made them with CREATE ROLE ... PASSWORD.
  test.each([
    [
      'plain ASCII',
      'pencil',
      'SCRAM-SHA-256$4096:hNuc7KXQufDTB6ZJ+fnXPg==$SNuuQrMgYlcCpVjjHviQ2ZNcuY5cZDVFC3uo6dIVHbY=:pmEm8dcyHMQFSxmnmZjHp80r2S71Gi+6QBdc7MqSJVY=',
    ],
    [
      'ASCII with a control character',
      'tab\there',
      'SCRAM-SHA-256$4096:jVsdw2790UdUSXJfUG/5+A==$TRgubQINo1nqUcwaAQi1rc6tQDV2gp/hNJN8h5uV+m4=:tA5qUtKbPzb8ezI4RdqN5EtjmN3oLowXwMMFXHyeQVU=',
    ],
    [
      'composed letters',
      'grüße',
      'SCRAM-SHA-256$4096:7o3RRUcp7WE+I6HHjS10rw==$sBF+6cVpMciwYEWG/kzhww55CfehTSSZ0UCtexK/fG0=:2/P1ONgCF+yNB5HofIeIW6uTJ1AXYwtwYLJGoYrUi7A=',
    ],
    [
      'decomposed letters',
      'gru\u0308ße',
      'SCRAM-SHA-256$4096:J6uXgoe+Xo2+Rfi/DuB03g==$T9kEpiuOqqrybvqz1mWzgsOOFSq3wO2U3Nim8ZuYnE8=:fiQP18enoTWTe5lrbSBdSMAdbl4TUtXT3Rh/iO4kAyA=',
    ],
    [
      'a soft hyphen, which is mapped to nothing',
      'I\u00adX',
      'SCRAM-SHA-256$4096:8JrmzQegnr5GnGXgVKU5nQ==$cRCFKgAvn9ngC+Utvt9E/7b1AyE+oidfPi+vKudO/rU=:f7O7faMfbKeIuH7h7X0KIDc0UoTrSglGuKRIT0YHWsU=',
    ],
    [
      'a soft hyphen alone, which would leave nothing',
      '\u00ad',
      'SCRAM-SHA-256$4096:X/n/ewZ20eEw5FPN8/Gj6w==$AbHSwg3BA+YFPvypHBQY7baMClsSOc9b/0XtcdblneI=:83ZQ9QAr1O1yc35XPsvt3jdolbemoRgEyD1eZk4NikI=',
    ],
    [
      'a blank that is not ASCII',
      'pass\u00a0word',
      'SCRAM-SHA-256$4096:73Tuxx0qLoohnwJ7iUL5yg==$FhBFU3gl4LHlPPz3xMgY2y0V8DnCAfQRmmL7JdeVxhI=:lnSFCxkNrw4koDfrepQgy2Wgbxl6mGJazu1Qjtc/auc=',
    ],
    [
      'a zero width space',
      'a\u200bb',
      'SCRAM-SHA-256$4096:ngyYX7hpBdGYVgoMM9BEJw==$/GGiSIJHp8Krb9qn42c/pBVihH39/oWTuQU35ROGl1s=:Bdd0vp/O5nAsQ7LG8c+5k6yEi7zQOBF5OPF1kNbYgGE=',
    ],
    [
      'a compatibility character',
      '\u2168',
      'SCRAM-SHA-256$4096:lWNtOHFfbcl6ZLtQdaw2Cw==$YUTObjgwHbPtAQJK+iFvGxeqRvfwyZxmDL9J4ujfzO0=:ZmV3JHo5SJeFonjJZOQ8Qvlq9H+rKOFQVIvRuyeJZ2Q=',
    ],
    [
      'an emoji, which Unicode 3.2 has not',
      '\u{1f600}smile',
      'SCRAM-SHA-256$4096:CHWWsaX5/VUqELIikRcezA==$7sufQLQu/2eNZLdRgjyASaUJPDtZ06zsvWJoSa3zXLs=:R4bhcxMA6htE/Bh1tgjHRY9zQCVSoSaB0SOJtR9wRRo=',
    ],
    [
      'text of both directions, which RFC 4013 prohibits',
      '\u06271',
      'SCRAM-SHA-256$4096:YCDVHgvxkIj//tH/eatXkw==$Fb/EQ9u+8OKTA/n8I1gHgHFQzwx81bzlJ1T7TfUIpd8=:1SeHRsc1G+piIf9i7K0388iB3YNUhsIDJv21SErdy30=',
    ],
    [
      'a private use character, which is prohibited',
      '\ue000z',
      'SCRAM-SHA-256$4096:qEU1PPr29WB9XbxVGJTzCw==$HO8Np9DBfM3vmua34Fdaexr7lFbiE6KXDe1t4WTUUyA=:fkvS/1cJ/AFN4lQsSVzAyEpXv+3irZ7fI5FX98B6khU=',
    ],
  ])('of %s are those that PostgreSQL derives', async (_, password, verifier) => {
    const { storedKey, serverKey } = keysOf(verifier)
    expect(await derived(password, verifier)).toEqual({ storedKey, serverKey })
  })

  // PostgreSQL looks for such characters before it normalizes, the library after it: a known limit.
  test.fails.each([
    [
      'a prohibited character that normalization takes away',
      '\u0340a',
      'SCRAM-SHA-256$4096:DWoYANcfTMPI2g/ePTJ6YQ==$blWAsKYIeMigKulq+Up5h85NbBnzzbNUkRCnEbqDmQ8=:TjOt27RYxCCTUioSI0lwzbDMbgj+U2OloVflkEtm53w=',
    ],
    [
      'a newer character that normalization makes of older ones',
      '\u32ff',
      'SCRAM-SHA-256$4096:JZuCWsCnV6ojAVYPFUJ63g==$x4KTdhkUtFTnuyW2qe8l/9oGwlj4LIgVkxe6g2CkUeY=:eqowsT655YC90BW1LEYlCLca77SxlKVoU1KOn87d9WU=',
    ],
  ])('of %s are those that PostgreSQL derives', async (_, password, verifier) => {
    const { storedKey, serverKey } = keysOf(verifier)
    expect(await derived(password, verifier)).toEqual({ storedKey, serverKey })
  })
})

describe('the key cache', () => {
  test('derives once for all who ask at the same time', async () => {
    const cache = new ScramKeyCache(10)
    const asked = await Promise.all(
      Array.from({ length: 20 }, async () => cache.keysFor('secret', salt, 4096)),
    )
    expect(new Set(asked).size).toBe(1)
  })

  test('derives once for spellings that SASLprep makes the same', async () => {
    const cache = new ScramKeyCache(10)
    const keys = await cache.keysFor('\u2168', salt, 10)
    expect(await cache.keysFor('IX', salt, 10)).toBe(keys)
  })

  test.each([
    ['another password', 'secret2', salt, 10],
    ['another salt', 'secret', Buffer.from('fedcba9876543210'), 10],
    ['another iteration count', 'secret', salt, 11],
  ])('has other keys for %s', async (_, password, otherSalt, iterations) => {
    const cache = new ScramKeyCache(10)
    const keys = await cache.keysFor('secret', salt, 10)
    expect(await cache.keysFor(password, otherSalt, iterations)).not.toEqual(keys)
  })

  test('forgets the keys that were used longest ago when it is full', async () => {
    const cache = new ScramKeyCache(2)
    const [a, b] = [await cache.keysFor('a', salt, 10), await cache.keysFor('b', salt, 10)]
    expect(await cache.keysFor('a', salt, 10)).toBe(a)
    await cache.keysFor('c', salt, 10)
    expect(await cache.keysFor('a', salt, 10)).toBe(a)
    expect(await cache.keysFor('b', salt, 10)).not.toBe(b)
  })

  test('remembers no failure', async () => {
    const cache = new ScramKeyCache(10)
    await expect(cache.keysFor('secret', salt, 0)).rejects.toThrow()
    await expect(cache.keysFor('secret', salt, 0)).rejects.toThrow()
    await expect(cache.keysFor('secret', salt, 1)).resolves.toBeDefined()
  })
})

test('keys of another password are never taken, and cleared ones are derived anew', async () => {
  const cache = new ScramKeyCache(10)
  const keys = await cache.keysFor('old', salt, 4096)
  expect((await cache.keysFor('new', salt, 4096)).clientKey).not.toEqual(keys.clientKey)
  expect(await cache.keysFor('old', salt, 4096)).toBe(keys)
  cache.clear()
  const again = await cache.keysFor('old', salt, 4096)
  expect(again).not.toBe(keys)
  expect(again.clientKey).toEqual(keys.clientKey)
})
