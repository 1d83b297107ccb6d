import { envoy } from './envoy.ts'
import type { FrontKind } from './front.ts'
import { haproxy } from './haproxy.ts'
import { nginx } from './nginx.ts'

export const fronts: readonly FrontKind[] = [haproxy, nginx, envoy]
