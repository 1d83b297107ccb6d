/** Where `npm run test:idp` has put the providers; empty for what cannot be run on this machine. */
export const homes = {
  keycloak: process.env['PORTCULLIS_KEYCLOAK'] ?? '',
  dex: process.env['PORTCULLIS_DEX'] ?? '',
}
