/** An http or https URL of nothing but a host, a port and credentials. */
export function isProxyUrl(text: string): boolean {
  if (!/^https?:\/\/[^\s\\?#]+$/.test(text) || !URL.canParse(text)) return false
  const { pathname, username, password } = new URL(text)
  return pathname === '/' && isDecodable(username) && isDecodable(password)
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
