import type { Socket } from 'node:net'
import { ignoreError } from '../wire/established.ts'
import { readFrame } from '../wire/frame.ts'
import { PacketReader } from '../wire/packet-reader.ts'
import { parseBackendMessage } from '../wire/read-backend.ts'
import { queryMessage } from '../wire/write-frontend.ts'
import { closeSession } from './close-session.ts'
import type { LoginCredential } from './answer-authentication.ts'
import { dial } from './dial.ts'
import type { Endpoint } from './endpoint.ts'
import type { UpstreamNetwork } from './network.ts'
import { openSession, type UpstreamAccess } from './open-session.ts'
import type { UpstreamHost, UpstreamTarget } from './target.ts'

/** What a server says of a role that could log in. */
export interface ProbedRole {
  readonly isSuperuser: boolean
  /** Undefined where the server does not say. */
  readonly isReplication: boolean | undefined
}

/** Names and operators are qualified: the session has whatever `search_path` the role was given. */
const replicationQuery = `SELECT 1 FROM pg_catalog.pg_roles AS r
  WHERE r.rolname OPERATOR(pg_catalog.=) SESSION_USER AND r.rolreplication`
const maxAnswerMessages = 1_000
const maxAnswerBodyBytes = 65_536

/**
 * Connects to a host and secures the connection as a login does, at the first of its addresses that
 * answers, shows it and closes it. Throws a Refusal where that cannot be done within the connect timeout.
 */
export async function reachUpstream(
  target: UpstreamTarget,
  host: UpstreamHost,
  { addresses }: UpstreamNetwork,
  onConnected: (socket: Socket) => void,
): Promise<void> {
  const endMs = performance.now() + target.connectTimeoutMs
  const found = await addresses.find(host, target.connectTimeoutMs)
  for (const [index, address] of found.entries()) {
    const limitMs = Math.max(endMs - performance.now(), 0) / (found.length - index)
    try {
      await reach({ ...host, address }, target, limitMs, onConnected)
      return
    } catch (error) {
      if (index === found.length - 1) throw error
    }
  }
}

async function reach(
  endpoint: Endpoint,
  target: UpstreamTarget,
  limitMs: number,
  onConnected: (socket: Socket) => void,
): Promise<void> {
  let socket: Socket | undefined
  const timer = setTimeout(() => {
    socket?.destroy(new Error(`no answer within ${Math.round(limitMs)} ms`))
  }, limitMs)
  try {
    const connected = await dial(endpoint, target, (opened) => {
      socket = opened
      opened.on('error', ignoreError)
    })
    onConnected(connected)
  } finally {
    clearTimeout(timer)
    socket?.destroy()
  }
}

/**
 * Logs in at a host as a role, as a session of it would, asks for its attributes and logs out. Throws a
 * Refusal.
 */
export async function probeRole(
  target: UpstreamTarget,
  host: UpstreamHost,
  role: string,
  access: UpstreamAccess,
): Promise<ProbedRole> {
  const parameters = new Map([['application_name', 'portcullis check']])
  const credential = await credentialOf(target, role)
  const request = { role, credential, parameters, requirement: undefined }
  const only = { ...target, hosts: [host], connectRetries: 0, wantedSession: 'any' } as const
  const { socket, isSuperuser } = await openSession(only, request, access)
  const timer = setTimeout(() => {
    socket.destroy()
  }, target.connectTimeoutMs)
  try {
    return { isSuperuser, isReplication: await hasRow(socket, replicationQuery) }
  } catch {
    return { isSuperuser, isReplication: undefined }
  } finally {
    clearTimeout(timer)
    closeSession({ socket })
  }
}

async function credentialOf(
  { credentials }: UpstreamTarget,
  role: string,
): Promise<LoginCredential> {
  if (credentials.method === 'certificate') {
    const secureContext = await credentials.certificates.contextFor(role, new Date())
    return { kind: 'certificate', secureContext }
  }
  if (credentials.method === 'rds-iam') return { kind: 'signed', tokens: credentials.tokens }
  const password = credentials.method === 'password' ? credentials.passwords.get(role) : undefined
  if (credentials.method !== 'password' || password === undefined) return { kind: 'none' }
  return { kind: 'password', password, allow: credentials.allow, isClients: false }
}

/** Whether a query has a result; undefined where it fails. */
async function hasRow(socket: Socket, sql: string): Promise<boolean | undefined> {
  const reader = new PacketReader(socket)
  socket.write(queryMessage(sql))
  let found: boolean | undefined = false
  for (let count = 0; count < maxAnswerMessages; count++) {
    const frame = await reader.read((bytes) => readFrame(bytes, maxAnswerBodyBytes))
    const { kind } = parseBackendMessage(frame)
    if (kind === 'error') found = undefined
    else if (frame.type === 'D') found = true
    else if (kind === 'ready-for-query') return found
  }
  return undefined
}
