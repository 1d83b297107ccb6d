// The style, the script and the icon of every page. Their addresses say what is in them, so that browsers keep them.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Env, Hono } from 'hono'

interface Asset {
  readonly path: string
  readonly type: string
  readonly content: string
}

const style = load('page.css', 'text/css; charset=utf-8')
const script = load('page.js', 'text/javascript; charset=utf-8')
const icon = load('icon.svg', 'image/svg+xml')

export const stylePath = style.path
export const scriptPath = script.path
export const iconPath = icon.path
const assetsPath = '/assets/'

const forever = 'public, max-age=31536000, immutable'

/** For whoever asks: they are the same for all. */
export function assetRoutes<E extends Env>(app: Hono<E>): void {
  for (const [pattern, { path, type, content }] of [
    [`${assetsPath}:hash{[0-9a-f]{16}\\.css}`, style],
    [`${assetsPath}:hash{[0-9a-f]{16}\\.js}`, script],
    [`${assetsPath}:hash{[0-9a-f]{16}\\.svg}`, icon],
  ] as const) {
    app.get(pattern, (c) => {
      c.header('X-Content-Type-Options', 'nosniff')
      c.header('Content-Type', type)
      // While nodes are renewed one by one, the page may be of another that has another style.
      c.header('Cache-Control', c.req.path === path ? forever : 'no-store')
      return c.body(content)
    })
  }
}

/** From the folder that stands beside both `src` and `dist`. */
function load(name: string, type: string): Asset {
  const content = readFileSync(new URL(`../../../assets/${name}`, import.meta.url), 'utf8')
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  return { path: `/assets/${hash}${name.slice(name.lastIndexOf('.'))}`, type, content }
}
