// Opens one address in the browser of this desktop. A process of its own, so that what is started by it sees the
// environment that it was given and not ours.
import open from 'open'

const [address] = process.argv.slice(2)
if (address === undefined) process.exit(1)
try {
  await open(address)
} catch {
  process.exitCode = 1
}
