// The programs of the test, each with the examples of its language as docs/programs.md shows them.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Buildable, filesIn, type SourceFile } from '../drivers/build.ts'
import * as toolchains from '../drivers/toolchains.ts'

export interface Program extends Buildable {
  readonly files: () => Promise<readonly SourceFile[]>
}

export interface Language extends Program {
  readonly title: string
  /** How its tokens are come by: as a program of its own, or for a person with a refresh token. */
  readonly signIn: 'client_credentials' | 'password'
  readonly run: readonly string[]
  /** Prints a line of JSON for each recipe. */
  readonly runRecipes: readonly string[]
}

const here = fileURLToPath(new URL('.', import.meta.url))
const examples = fileURLToPath(new URL('../../examples', import.meta.url))

/** The files of a folder here, and the examples of a language below another name. */
function withExamples(folder: string, language: string, as: string): Program['files'] {
  return async () => [
    ...(await filesIn(join(here, folder))),
    ...(await filesIn(join(examples, language))).map(({ name, path }) => ({
      name: join(as, name),
      path,
    })),
  ]
}

export const languages: readonly Language[] = [
  {
    ...toolchains.prisma,
    name: 'pools-javascript',
    title: 'JavaScript: pg, portcullis/credentials',
    signIn: 'client_credentials',
    files: withExamples('javascript', 'node', '.'),
    run: [process.execPath, 'client.mjs'],
    runRecipes: [process.execPath, 'recipes.mjs'],
  },
  {
    ...toolchains.go,
    name: 'pools-go',
    title: 'Go: pgxpool',
    signIn: 'client_credentials',
    files: withExamples('go', 'go', 'portcullistoken'),
    run: ['./client'],
    runRecipes: ['./client', 'recipes'],
  },
  {
    ...toolchains.python,
    name: 'pools-python',
    title: 'Python: psycopg_pool',
    signIn: 'password',
    files: withExamples('python', 'python', '.'),
    run: ['venv/bin/python', 'client.py'],
    runRecipes: ['venv/bin/python', 'recipes.py'],
  },
  {
    ...toolchains.maven,
    name: 'pools-java',
    title: 'Java: HikariCP, pgjdbc',
    signIn: 'password',
    files: withExamples('java', 'java', 'src/main/java'),
    run: [...toolchains.maven.run],
    runRecipes: [...toolchains.maven.run, 'recipes'],
  },
]

/** What is written for CockroachDB and Okta. */
export const oktaProgram: Program = {
  ...toolchains.go,
  name: 'pools-okta',
  files: async () => filesIn(join(here, 'okta')),
}
