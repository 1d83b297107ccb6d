#!/usr/bin/env node
import { readVersion } from './cli/version.ts'
import { createProgram } from './program.ts'

const program = createProgram(readVersion(), (error) => {
  process.exit(error.exitCode === 0 ? 0 : 64)
})
await program.parseAsync()
