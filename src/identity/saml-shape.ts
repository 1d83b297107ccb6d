/** No assertion is shorter: its namespace alone has half as many characters. */
const shortestAssertion = 64

/** An XML declaration, or an element of SAML, whatever its prefix. */
const samlXml =
  /^\uFEFF?\s*<(?:\?xml\s|(?:[\w.-]+:)?(?:Assertion|EncryptedAssertion|Response|ArtifactResponse)[\s>])/

/**
 * Whether a password is a SAML assertion or response, as XML or as its base64: something that the provider
 * gave out, which must not be sent to PostgreSQL as a password.
 */
export function looksLikeSaml(password: string): boolean {
  if (password.length < shortestAssertion) return false
  return samlXml.test(password) || samlXml.test(Buffer.from(password, 'base64').toString('utf8'))
}
