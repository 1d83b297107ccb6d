// A client in a network of its own, which its test takes away. Run by half-open.test.ts: address, port,
// certificate authority (file), token, statement.
import { readFileSync } from 'node:fs'
import { WireClient } from '../support/wire-client.ts'

const [host, port, caFile, token, statement] = process.argv.slice(2)
const client = await WireClient.connect(Number(port), host)
await client.startTls(readFileSync(caFile!, 'utf8'))
await client.logIn({ user: 'app_readonly', database: 'sandbox' }, token!)
await client.readUntil('Z')
if (statement !== '') client.query(statement!)
process.stdout.write('in\n')
// Stays until it is killed: a process that ends would say goodbye.
setInterval(() => {}, 60_000)
