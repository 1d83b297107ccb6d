import { testBehind } from './behind.ts'
import { nginx } from './nginx.ts'

testBehind(nginx)
