import { testBehind } from './behind.ts'
import { envoy } from './envoy.ts'

testBehind(envoy)
