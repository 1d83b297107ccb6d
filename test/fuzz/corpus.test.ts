import { describe, expect, test } from 'vitest'
import { readCorpus } from './corpus.ts'
import { type Finding, findingOf } from './engine.ts'
import { targetNames } from './targets/names.ts'
import { targets } from './targets/index.ts'

const timeoutMs = 120_000

describe.each(targetNames)('the kept inputs of %s', (name) => {
  test(
    'still break no promise',
    async ({ skip }) => {
      const target = await targets[name]()
      if (target === undefined) {
        skip('there is nothing of that name in src/')
        return
      }
      const findings: Finding[] = []
      try {
        for (const input of [...target.seeds, ...readCorpus(name)]) {
          const finding = await findingOf(target, input)
          if (finding !== undefined) findings.push(finding)
        }
      } finally {
        await target[Symbol.asyncDispose]()
      }
      expect(findings.map(({ input, problem }) => `${input.toString('hex')}: ${problem}`)).toEqual(
        [],
      )
    },
    timeoutMs,
  )
})
