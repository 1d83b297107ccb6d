// What checks deployments, installed on first use: Go and pip keep what they have compiled and fetched.
import { access, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Outcome, runProgram } from '../../drivers/program.ts'

/** In its name is the version, so that another one is installed when it changes. */
const tools = {
  helm: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
  // The loader of docker compose itself.
  compose: 'github.com/compose-spec/compose-go/v2/cmd@v2.10.0',
} as const

const schemaPackage = 'kubernetes-validate==1.37.0'
const installSeconds = 800

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'portcullis-deploy')

/** The path of a program, or undefined where it cannot be installed; then it is told. */
export async function goTool(name: keyof typeof tools): Promise<string | undefined> {
  const source = tools[name]
  const folder = join(cache, source.replaceAll(/[^a-z0-9.]+/gi, '-'))
  const program = join(folder, source.split('@')[0]?.split('/').at(-1) ?? name)
  if (await exists(program)) return program
  await mkdir(folder, { recursive: true })
  const environment = { ...process.env, GOBIN: folder, GOFLAGS: '-trimpath' }
  const outcome = await runProgram(['go', 'install', source], {
    folder,
    seconds: installSeconds,
    environment,
  })
  return outcome.failure === undefined ? program : skipped(name, outcome)
}

/** A folder with the schemas of a version of Kubernetes, as kubeconform wants them. */
export async function kubernetesSchemas(version: string): Promise<string | undefined> {
  const folder = join(cache, `${schemaPackage.replace('==', '-')}-${version}`)
  if (await exists(folder)) return folder
  const work = join(tmpdir(), `portcullis-schemas-${process.pid}-${version}`)
  try {
    const command = ['pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check']
    const outcome = await runProgram(
      ['python3', '-m', ...command, '--target', work, schemaPackage],
      {
        folder: tmpdir(),
        seconds: installSeconds,
      },
    )
    if (outcome.failure !== undefined) return skipped('the schemas of Kubernetes', outcome)
    const schemas = join(work, 'kubernetes_validate', 'kubernetes-json-schema')
    await makeLocal(join(schemas, `v${version}-local-strict`))
    await mkdir(cache, { recursive: true })
    await rename(join(schemas, `v${version}-local-strict`), folder).catch(async () => {
      // Another process was first, or it is another file system.
      await cp(join(schemas, `v${version}-local-strict`), folder, { recursive: true })
    })
    return folder
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Its references are to addresses that nobody serves here. */
async function makeLocal(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const schema = JSON.parse(await readFile(path, 'utf8')) as object
    Reflect.deleteProperty(schema, '$id')
    const text = JSON.stringify(schema).replaceAll(
      /"[^"]*\/api\/_definitions\.json#/g,
      '"_definitions.json#',
    )
    await writeFile(path, text)
  }
}

export async function hasProgram(...command: readonly string[]): Promise<boolean> {
  const outcome = await runProgram(command, { folder: tmpdir(), seconds: 30 })
  if (outcome.failure === undefined) return true
  skipped(command[0] ?? '', outcome)
  return false
}

function skipped(what: string, { stderr, failure }: Outcome): string | undefined {
  const why = stderr.trim().split('\n').at(-1) ?? ''
  process.stdout.write(`SKIPPED: ${what} is not to be had here: ${why || (failure ?? '')}\n`)
  return undefined
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
