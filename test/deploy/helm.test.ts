// The chart, rendered by helm itself and checked against the schemas of Kubernetes.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Outcome, runProgram } from '../drivers/program.ts'
import { checkConfig } from './support/check-config.ts'
import { goTool, kubernetesSchemas } from './support/tools.ts'

type Tree = Readonly<Record<string, unknown>>

interface Resource {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Tree }
  readonly spec: Readonly<Record<string, never>>
  readonly data: Readonly<Record<string, string>>
}

const chart = fileURLToPath(new URL('../../deploy/helm/portcullis', import.meta.url))
const oldest = '1.27.0'
const newest = '1.37.0'
const folder = await mkdtemp(join(tmpdir(), 'portcullis-chart-'))
const helm = await goTool('helm')
const example = parse(await readFile(join(chart, 'ci/example-values.yaml'), 'utf8')) as Tree
/** Everything that can be left out is there. */
const everything = {
  ...example,
  autoscaling: { enabled: true },
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true },
}
let count = 0

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function template(values: Tree, version = newest): Promise<Outcome> {
  count += 1
  const file = join(folder, `${count}.yaml`)
  await writeFile(file, stringify(values))
  const args = ['template', 'gate', chart, '--kube-version', version, '--values', file]
  return runProgram([helm ?? '', ...args], { folder, seconds: 60 })
}

async function render(values: Tree, version = newest): Promise<string> {
  const { failure, stdout, stderr } = await template(values, version)
  if (failure !== undefined) throw new Error(stderr)
  return stdout
}

function resources(text: string): readonly Resource[] {
  return parseAllDocuments(text).flatMap((document) => {
    const value = document.toJS() as Resource | null
    return value === null ? [] : [value]
  })
}

function find(text: string, kind: string, name = 'gate-portcullis'): Resource {
  const found = resources(text).find(
    (resource) => resource.kind === kind && resource.metadata.name === name,
  )
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  return found
}

describe.skipIf(helm === undefined)('the chart', () => {
  test('has nothing that helm lint finds', async () => {
    const args = ['lint', chart, '--strict', '--values', join(chart, 'ci/example-values.yaml')]
    const { failure, stdout } = await runProgram([helm ?? '', ...args], { folder, seconds: 60 })
    expect({ failure, stdout }).toMatchObject({ failure: undefined })
  })

  test.each([oldest, newest])('renders what Kubernetes %s knows, and nothing else', async (v) => {
    const [kubeconform, schemas] = [await goTool('kubeconform'), await kubernetesSchemas(v)]
    if (kubeconform === undefined || schemas === undefined) return
    const file = join(folder, `rendered-${v}.yaml`)
    await writeFile(file, await render(everything, v))
    const location = join(schemas, '{{.ResourceKind}}{{.KindSuffix}}.json')
    const options = ['-strict', '-summary', '-skip', 'ServiceMonitor,PrometheusRule']
    const command = [kubeconform, ...options, '-schema-location', location, file]
    const { stdout } = await runProgram(command, { folder, seconds: 60 })
    expect(stdout).toContain('Valid: 9, Invalid: 0, Errors: 0, Skipped: 2')
  })

  test('makes a configuration that portcullis check accepts', async () => {
    const text = find(await render(everything), 'ConfigMap').data['portcullis.yaml'] ?? ''
    expect(parse(text)).toMatchObject({
      node: 'gw',
      timeouts: { drain: '120s', drain_delay: '15s' },
      http: { listen_address: '::', listen_port: 8432 },
    })
    expect(await checkConfig(text)).toBe('fine')
  })

  test('gives a pod as long as its configuration lets it drain', async () => {
    const drain = { delaySeconds: 7, seconds: 300, marginSeconds: 11 }
    const text = await render({ ...example, drain, config: example['config'] })
    expect(find(text, 'Deployment').spec).toMatchObject({
      template: { spec: { terminationGracePeriodSeconds: 318 } },
    })
    expect(find(text, 'ConfigMap').data['portcullis.yaml']).toContain('drain: 300s')
  })

  test('runs as nobody, with nothing that can be written but memory', async () => {
    const { template: pod } = find(await render(everything), 'Deployment').spec as unknown as {
      template: { spec: Tree & { containers: readonly Tree[]; volumes: readonly Tree[] } }
    }
    expect(pod.spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    })
    expect(pod.spec.containers[0]).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      startupProbe: { httpGet: { path: '/startup', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readiness', port: 'http' } },
      livenessProbe: { httpGet: { path: '/liveness', port: 'http' } },
    })
    expect(pod.spec.volumes.find(({ name }) => name === 'run')).toMatchObject({
      emptyDir: { medium: 'Memory' },
    })
  })

  test('has secrets by reference alone', async () => {
    const text = await render(everything)
    expect(resources(text).filter(({ kind }) => kind === 'Secret')).toEqual([])
    expect(text).toContain('secretName: portcullis-roles')
    expect(text).toContain('mountPath: /run/secrets/portcullis-roles')
  })

  test('scales by the sessions of pods and by CPU', async () => {
    const text = await render(everything)
    expect(find(text, 'HorizontalPodAutoscaler').spec).toMatchObject({
      metrics: [
        { pods: { metric: { name: 'portcullis_sessions_open' } } },
        { resource: { name: 'cpu' } },
      ],
    })
    expect(find(text, 'Deployment').spec).not.toHaveProperty('replicas')
  })

  test('shows health and metrics by no load balancer', async () => {
    const text = await render({ ...example, service: { type: 'LoadBalancer' } })
    const ports = find(text, 'Service').spec as unknown as { ports: readonly Tree[] }
    expect(ports.ports.map(({ name }) => name)).toEqual(['postgres'])
    expect(find(text, 'Service', 'gate-portcullis-http').spec).toMatchObject({ type: 'ClusterIP' })
  })

  test('has the rules of deploy/prometheus', async () => {
    const rules = await readFile(join(chart, 'files/rules.yml'), 'utf8')
    expect(rules, 'copy deploy/prometheus/rules.yml to the chart').toBe(
      await readFile(join(chart, '../../prometheus/rules.yml'), 'utf8'),
    )
    expect(find(await render(everything), 'PrometheusRule').spec).toEqual(parse(rules))
  })

  test.each([
    ['an unknown key', { ...example, replicas: 3 }],
    ['an unknown key below', { ...example, image: { name: 'x' } }],
    ['no certificate', { config: example['config'] }],
    ['no configuration', { tls: example['tls'] }],
    ['what the chart writes', { ...example, config: { node: 'x' } }],
    ['what the chart writes below', { ...example, config: { timeouts: { drain: '1s' } } }],
    ['a drain that is a text', { ...example, drain: { seconds: '30s' } }],
    [
      'nothing to scale by',
      { ...everything, autoscaling: { enabled: true, cpuPercent: 0, sessionsPerPod: 0 } },
    ],
  ])('is not rendered with %s', async (_, values) => {
    expect((await template(values)).failure).toBeDefined()
  })
})

/** Values that cannot be changed to just anything. */
const changes: Readonly<Record<string, unknown>> = {
  imagePullSecrets: ['pull'],
  config: { ...(everything as unknown as { config: Tree }).config, log: { level: 'debug' } },
  listeners: [{ name: 'other', containerPort: 7000, port: 7000 }],
  secrets: ['others'],
  env: [{ name: 'A', value: 'b' }],
  resources: { limits: { cpu: '1' } },
  'image.digest': `sha256:${'a'.repeat(64)}`,
  'image.pullPolicy': 'Always',
  'service.type': 'NodePort',
  'service.loadBalancerSourceRanges': ['10.0.0.0/8'],
  'service.externalTrafficPolicy': 'Cluster',
  'pod.tolerations': [{ key: 'a', operator: 'Exists' }],
  'pod.affinity': { nodeAffinity: {} },
  'topologySpread.keys': ['rack'],
  'topologySpread.whenUnsatisfiable': 'DoNotSchedule',
  'serviceMonitor.interval': '1m',
  'networkPolicy.clients': [{ podSelector: {} }],
  'networkPolicy.metrics': [{ namespaceSelector: {} }],
  'networkPolicy.egress': [{ ports: [{ port: 5432 }] }],
}

/** What has to be so that a value counts. */
const conditions: Readonly<Record<string, Tree>> = {
  replicaCount: { autoscaling: { enabled: false } },
  'service.loadBalancerSourceRanges': { service: { type: 'LoadBalancer' } },
  'service.externalTrafficPolicy': { service: { type: 'LoadBalancer' } },
}

const documented = parse(await readFile(join(chart, 'values.yaml'), 'utf8')) as Tree

function leaves(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isGroup || Object.keys(value).length === 0 || path.join('.') in changes) return [path]
  return Object.entries(value).flatMap(([key, one]) => leaves(one, [...path, key]))
}

function valueAt(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Tree | undefined)?.[key], tree)
}

function withValue(tree: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value
  const from = (tree ?? {}) as Tree
  return { ...from, [key]: withValue(from[key], rest, value) }
}

function changed(path: readonly string[], value: unknown): unknown {
  const known = changes[path.join('.')]
  if (known !== undefined) return known
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return value + 1
  return typeof value === 'string' ? 'changed' : { changed: 'text' }
}

describe.skipIf(helm === undefined)('a documented value that is changed', () => {
  let usual: string

  beforeAll(async () => {
    usual = await render(everything)
  })

  test.each(leaves(documented).map((path) => [path.join('.'), path] as const))(
    '%s changes what is rendered',
    async (name, path) => {
      const condition = conditions[name]
      const base = { ...everything, ...condition }
      const before = condition === undefined ? usual : await render(base)
      const was = valueAt(base, path) ?? valueAt(documented, path)
      const after = await render(withValue(base, path, changed(path, was)) as Tree)
      expect(after).not.toBe(before)
    },
  )
})
