// Loaded into a gateway by `--import`: at SIGUSR2 it says for how long its event loop stood still at most,
// and begins anew.
import { monitorEventLoopDelay } from 'node:perf_hooks'

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

process.on('SIGUSR2', () => {
  process.stderr.write(`${JSON.stringify({ msg: 'event loop lag', maxMs: delay.max / 1e6 })}\n`)
  delay.reset()
})
