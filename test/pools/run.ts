// `npm run test:pools`: pools in four languages, at once, that live longer than many tokens; before, every recipe of
// docs/programs.md once, and a program that was written for CockroachDB and Okta. `--whole` takes tokens of 15 s and
// ten of their lifetimes, `--write` puts the figures into the page.
import { join } from 'node:path'
import { type Build, buildFrom, cacheFolder } from '../drivers/build.ts'
import { linkPackage, stagePackage } from '../support/staged-package.ts'
import { judge, type Result } from './judge.ts'
import { type Language, languages, oktaProgram, type Program } from './languages.ts'
import { renderFigures, writeFigures } from './report.ts'
import { type Load, Scene } from './scene.ts'

const wrongUsage = 64
const flags = ['--whole', '--write']
const short: Load = {
  tokenSeconds: 8,
  seconds: 40,
  lifetimeSeconds: 3,
  querySeconds: 0.25,
  fewestTokens: 5,
}
const whole: Load = {
  ...{ tokenSeconds: 15, seconds: 150, lifetimeSeconds: 5 },
  ...{ querySeconds: 0.25, fewestTokens: 10 },
}

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    interruption.abort()
  })
}

process.exitCode = await main(process.argv.slice(2), interruption.signal)

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const unknown = args.filter((word) => !flags.includes(word))
  for (const word of unknown) print(`unknown: ${word}; there are ${flags.join(' and ')}`)
  if (unknown.length > 0) return wrongUsage
  const load = args.includes('--whole') ? whole : short
  if (args.includes('--write') && load !== whole) {
    print('--write takes --whole')
    return wrongUsage
  }

  const staged = join(cacheFolder(), 'portcullis')
  await stagePackage(staged)
  const folders = new Map<Program, string>()
  const tally = { passed: 0, failed: 0, skipped: 0 }
  const tell = (outcome: keyof typeof tally, what: string): void => {
    tally[outcome]++
    print(`${{ passed: 'ok', failed: 'FAILED', skipped: 'SKIPPED' }[outcome]} ${what}`)
  }
  for (const program of [...languages, oktaProgram]) {
    const built: Build = await buildFrom(program, await program.files(), signal)
    if (built.state === 'ready') {
      folders.set(program, built.folder)
      print(`built ${program.name} in ${built.seconds.toFixed(1)} s`)
    } else tell(built.state, `${program.name}: ${built.why}`)
  }
  const ready = languages.filter((language) => folders.has(language))
  const folderOf = (program: Program): string => folders.get(program) ?? ''

  if (folders.size > 0) {
    await using scene = await Scene.start(ready, staged, load)
    const tellOf = (what: string, problem: string | undefined): void => {
      tell(problem === undefined ? 'passed' : 'failed', `${what}${problem ?? ''}`)
    }
    const tries = ready.map(async (language) => {
      const folder = folderOf(language)
      await linkPackage(staged, folder)
      const { name } = language
      tellOf(`${name} recipes`, await scene.tryRecipes(language, folder, signal))
      tellOf(`${name} without a token`, await scene.tryWithoutToken(language, folder, signal))
    })
    await Promise.all(tries)
    if (folders.has(oktaProgram))
      tellOf(oktaProgram.name, await scene.tryOkta(folderOf(oktaProgram), signal))
    const results = await loadAll(scene, ready, folderOf, signal)
    print(`\n${renderFigures(results, load)}\n`)
    for (const result of results) {
      const problems = judge(result, load)
      tell(
        problems.length === 0 ? 'passed' : 'failed',
        [result.language.name, ...problems].join(': '),
      )
    }
    if (args.includes('--write')) {
      if (results.length < languages.length || tally.failed > 0)
        print('not written: not every language lived through it')
      else print(`${await writeFigures(results, load)} written`)
    }
  }
  if (signal.aborted) print('interrupted')
  print(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`)
  return tally.failed === 0 && tally.passed > 0 && !signal.aborted ? 0 : 1
}

async function loadAll(
  scene: Scene,
  ready: readonly Language[],
  folderOf: (language: Language) => string,
  signal: AbortSignal,
): Promise<readonly Result[]> {
  await scene.begin()
  const results = await Promise.all(
    ready.map(async (language) => scene.load(language, folderOf(language), signal)),
  )
  return Promise.all(
    results.map(async (result) => ({ ...result, ...(await scene.logins(result.language)) })),
  )
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
