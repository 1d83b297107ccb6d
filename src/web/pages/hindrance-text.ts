import { printable } from '../../refusal.ts'
import type { Hindrance } from './approve.ts'

export function hindranceText(hindrance: Hindrance): string {
  switch (hindrance.kind) {
    case 'no-tokens':
      return 'Session tokens are switched off here, so that nobody can approve by being signed in on these pages. Open the address that the client shows.'
    case 'provider-token':
      return `The database “${printable(hindrance.database)}” wants a token of the identity provider itself. The client goes on waiting: open the address that it shows, and sign in there.`
    case 'other-integration': {
      const [wanted, own] = [printable(hindrance.wanted), printable(hindrance.own)]
      return `The client takes identities of the integration “${wanted}”, and you are signed in here by “${own}”. It goes on waiting: open the address that it shows, and sign in there.`
    }
    case 'unfit':
      return `You cannot be given a session token: ${hindrance.text}. The client goes on waiting: open the address that it shows.`
  }
}
