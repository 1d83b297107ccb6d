/** `typ` in the header of a session token, which no provider's token may have (RFC 8725, 3.11). */
export const sessionTokenType = 'ps+jwt'
