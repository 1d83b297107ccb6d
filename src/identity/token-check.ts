/** What is checked of a token, in this order. Those that an integration does not ask for are left out. */
export type TokenCheck =
  | 'decryption'
  | 'introspection'
  | 'format'
  | 'algorithm'
  | 'keys'
  | 'issuer'
  | 'signature'
  | 'audience'
  | 'times'
  | 'type'
  | 'kind'
  | 'other audiences'
  | 'authorized party'
  | 'required claims'
  | 'sender constraint'
  | 'principal claim'
  | 'userinfo'

/** Is told of each check as it begins: when a refusal follows, the last one is the one that failed. */
export type CheckObserver = (check: TokenCheck) => void
