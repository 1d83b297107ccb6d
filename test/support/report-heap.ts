// Imported by a gateway under test: at SIGUSR2 it says how much its heap holds that is in use.
const { gc } = globalThis

process.on('SIGUSR2', () => {
  // The first finds what finalizers of others let go of.
  gc?.()
  gc?.()
  process.stderr.write(
    `${JSON.stringify({ msg: 'heap in use', bytes: process.memoryUsage().heapUsed })}\n`,
  )
})
