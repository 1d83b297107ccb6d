/** Environment variables: of this process, or what a test makes of them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The one place of the client where the environment of the process is looked at. */
export function processEnvironment(): Environment {
  return process.env
}
