// What `--help` says below the options. Apart from the commands, so that showing it loads none of them.

const whereItAsks = `
Of the configuration \`http\` and \`control_socket\` are read, and no secret. A gate that listens on every address is asked
on this machine.`

export const waitHelp = `
Asks /readiness of the \`http\` listener again and again until it says yes. When the time is up it says what the last
answer was: which reasons the gate has, or that nobody listens.
${whereItAsks}

Exit codes: 0 ready, 1 not ready in time, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis wait --config portcullis.yaml
  portcullis wait --url http://10.0.0.5:8432 --timeout 5m`

export const healthcheckHelp = `
Asks /readiness of the \`http\` listener once, with --live /liveness, and says the answer with its reasons.
${whereItAsks}

Exit codes: 0 yes, 1 no, or no answer, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis healthcheck --config portcullis.yaml
  portcullis healthcheck --url http://127.0.0.1:8432 --live`

export const shutdownHelp = `
As SIGTERM: /readiness says no, new connections are taken for \`timeouts.drain_delay\`, sessions that are in no transaction
end, and the others have until \`timeouts.drain\`. With --now nothing is waited for. Only the user that the service runs
as may open the socket.

With --wait it is done when the process is gone; the process must be one that can be seen from here.

Exit codes: 0 done, 1 failed, or not gone in time, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis shutdown --config portcullis.yaml
  portcullis shutdown --config portcullis.yaml --wait --timeout 2m
  portcullis shutdown --socket /run/portcullis/control.sock --now`
