/** Receives what happens between Portcullis and an issuer. `issuer` is the configured string. */
export interface IssuerObserver {
  keysRefreshed(issuer: string, outcome: 'ok' | 'failed', error?: unknown): void
  unknownKey(issuer: string): void
}
