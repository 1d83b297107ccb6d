import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Entries,
  readText,
  removeText,
  writeText,
} from '../../../src/credentials/keyring-entries.ts'

/** A keyring with a limit, which fails after some calls as if its process was killed. */
class FakeEntries implements Entries {
  readonly texts = new Map<string, string>()
  calls = Infinity
  readonly #longest: number

  constructor(longest: number) {
    this.#longest = longest
  }

  get(name: string): string | undefined {
    return this.texts.get(name)
  }

  set(name: string, text: string): void {
    this.#count()
    if (text.length > this.#longest) throw new Error('too long')
    this.texts.set(name, text)
  }

  remove(name: string): void {
    this.#count()
    this.texts.delete(name)
  }

  #count(): void {
    this.calls--
    if (this.calls < 0) throw new Error('killed')
  }
}

test('a text of any length is read as it was written, and leaves nothing when it is removed', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3_000, unit: 'grapheme' })), (texts) => {
      const entries = new FakeEntries(200)
      for (const text of texts) {
        writeText(entries, 'db', text, 200)
        expect(readText(entries, 'db')).toBe(text)
      }
      removeText(entries, 'db')
      expect(entries.texts.size).toBe(0)
    }),
    { numRuns: 30 },
  )
})

test('where there is room a text is one entry', () => {
  const entries = new FakeEntries(200)
  writeText(entries, 'db', 'x'.repeat(100), 200)
  expect([...entries.texts.keys()]).toEqual(['db'])
})

test('who is killed while writing leaves what was there before, or the new text', () => {
  for (let calls = 0; calls < 12; calls++) {
    const entries = new FakeEntries(50)
    writeText(entries, 'db', 'before'.repeat(20), 50)
    entries.calls = calls
    try {
      writeText(entries, 'db', 'after'.repeat(30), 50)
    } catch {
      // Killed.
    }
    expect(['before'.repeat(20), 'after'.repeat(30)]).toContain(readText(entries, 'db'))
  }
})

test.each(['', 'x', '0123abcd.999.', '0123abcd.2.', '0123abcd.0.a b', '0123abcd'])(
  'an entry with %j is nothing, and replaced',
  (text) => {
    const entries = new FakeEntries(200)
    entries.texts.set('db', text)
    expect(readText(entries, 'db')).toBeUndefined()
    writeText(entries, 'db', 'new', 200)
    expect(readText(entries, 'db')).toBe('new')
  },
)

test('what no keyring can take is not begun', () => {
  const entries = new FakeEntries(50)
  expect(() => {
    writeText(entries, 'db', 'x'.repeat(50_000), 50)
  }).toThrow('too long')
  expect(entries.texts.size).toBe(0)
})
