import { once } from 'node:events'
import { type ClientRequest, request, type RequestOptions } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { FetchError } from './fetch-error.ts'
import { shownProxy, withoutBrackets } from './provider-proxy.ts'

/**
 * A connection to the host of an https URL through a proxy (RFC 9110, 9.3.6), secured end to end: the proxy
 * sees the host and the port, and what it says itself is never taken for an answer of the host. `ca` is
 * for the host. Until the connection is there, the signal ends the attempt.
 */
export async function openTunnel(
  target: URL,
  proxy: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = await connectThrough(target, new URL(proxy), signal)
  const host = withoutBrackets(target.hostname)
  const secured = connect({
    socket,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['http/1.1'],
  })
  try {
    await once(secured, 'secureConnect', { signal })
    return secured
  } catch (error) {
    secured.on('error', () => {})
    secured.destroy()
    socket.destroy()
    throw error
  }
}

async function connectThrough(target: URL, proxy: URL, signal: AbortSignal): Promise<Socket> {
  const where = `the proxy ${shownProxy(proxy.href)}`
  return new Promise((resolve, reject) => {
    const outgoing = askProxy(proxy, `${target.hostname}:${target.port || '443'}`, signal)
    outgoing.on('connect', ({ statusCode: status = 0 }, socket, head) => {
      // A TLS server does not speak first: whatever is there already is the proxy's own.
      if (status >= 200 && status <= 299 && head.length === 0) {
        resolve(socket)
        return
      }
      socket.on('error', () => {})
      socket.destroy()
      const told = status === 407 ? '407: its URL needs credentials, or others' : String(status)
      reject(new FetchError(`${where} answered ${told}`))
    })
    outgoing.on('error', (cause) => {
      reject(new FetchError(`${where} cannot be used`, { cause }))
    })
    outgoing.on('close', () => {
      reject(new FetchError(`${where} closed the connection`))
    })
    outgoing.end()
  })
}

function askProxy(proxy: URL, authority: string, signal: AbortSignal): ClientRequest {
  const host = withoutBrackets(proxy.hostname)
  const options: RequestOptions = {
    host,
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...authorization(proxy) },
    agent: false,
    signal,
  }
  if (proxy.protocol !== 'https:') return request({ ...options, port: proxy.port || '80' })
  // By default the certificate would have to be that of the Host header.
  const servername = isIP(host) === 0 ? host : ''
  return requestSecurely({ ...options, port: proxy.port || '443', servername })
}

function authorization({ username, password }: URL): { 'proxy-authorization'?: string } {
  if (username === '' && password === '') return {}
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
}
