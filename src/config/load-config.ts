import { dirname, resolve } from 'node:path'
import { checkTogether, type Finding } from './checks/index.ts'
import { toConfig, type Config } from './config.ts'
import { expandDefaults, type ExpandedTree } from './expand-defaults.ts'
import { describeIssue } from './messages.ts'
import { findNotices } from './notices.ts'
import { ConfigError, formatPath, sortProblems, type Path, type Problem } from './problem.ts'
import { checkEnvironmentProxy } from './proxy-choice.ts'
import { readConfigFile } from './read-config-file.ts'
import { readTree, type Tree } from './read-tree.ts'
import { configSchema } from './schema/index.ts'
import type { z } from 'zod'

export interface LoadedConfig {
  readonly config: Config
  /** Not wrong, but worth telling the operator at every start. */
  readonly notices: readonly Problem[]
  /** The file as it was read, before anything was put into it. */
  readonly text: string
  /** The files of `${file:}`. */
  readonly secretFiles: readonly string[]
}

/**
 * Reads, interpolates and checks a configuration file. Throws a `ConfigError` with all its problems.
 * `furtherCheck` is for what other modules read in it; it runs on a configuration without problems. With
 * a text, that is read in place of the file: it is how the files that it names are read again.
 */
export function loadConfig(
  file: string,
  environment: NodeJS.ProcessEnv = process.env,
  furtherCheck: (config: Config) => readonly Finding[] = () => [],
  text = readConfigFile(file),
): LoadedConfig {
  const folder = dirname(resolve(file))
  const secretFiles = new Set<string>()
  const onFile = (path: string): void => void secretFiles.add(path)
  const written = readTree(text, { environment, folder, onFile })
  if (written.value === undefined) throw new ConfigError(file, sortProblems(written.problems))
  const tree = expandDefaults(written)

  // An empty file lacks everything that is required, which is more helpful than "is empty".
  const result = configSchema.safeParse(tree.value ?? {}, { error: describeIssue })
  const findings = [
    ...(result.error?.issues.flatMap((issue) => toFindings(issue, tree)) ?? []),
    ...checkTogether(tree),
  ]
  const problems = [...tree.problems, ...place(findings, tree)]
  if (!result.success || problems.length > 0) throw new ConfigError(file, sortProblems(problems))

  const config = toConfig(result.data, folder, environment, tree.impliedPool)
  const further = place(
    [...checkEnvironmentProxy(config, environment), ...furtherCheck(config)],
    tree,
  )
  if (further.length > 0) throw new ConfigError(file, sortProblems(further))
  const notices = sortProblems(place(findNotices(config, tree), tree))
  return { config, notices, text, secretFiles: [...secretFiles] }
}

function toFindings(issue: z.core.$ZodIssue, tree: Tree): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  switch (issue.code) {
    case 'unrecognized_keys': {
      const messages = issue.message.split('\n')
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        message: messages[index] ?? 'unknown key',
        isAboutKey: true,
      }))
    }
    case 'invalid_key':
      return [{ path, message: issue.message, isAboutKey: true }]
    default:
      return [{ path: withoutImpliedIndex(path, tree), message: issue.message }]
  }
}

/** Where one value stands for a list of one, the file has no index. */
function withoutImpliedIndex(path: Path, tree: Tree): Path {
  return typeof path.at(-1) === 'number' && !tree.has(path) ? path.slice(0, -1) : path
}

function place(findings: readonly Finding[], tree: ExpandedTree): readonly Problem[] {
  return findings
    .filter(({ path }) => !tree.isUnresolved(path))
    .map(({ path, message, isAboutKey }) => {
      const at = isAboutKey === true ? tree.keyPositionOf(path) : tree.positionOf(path)
      return { path: formatPath(tree.originOf(path)), line: at.line, column: at.column, message }
    })
}
