export interface Letter {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Sends mail of the service itself: invitations, and links that reset a password. */
export interface Mailer {
  /** Resolves once a server took it. Rejects where none did. */
  send (letter: Letter): Promise<void>
}

/** Where a client for people is served, links lead there; else the letter names the token and the request that takes it. */
export function invitationLetter (to: string, organization: string, token: string, address: string): Letter {
  return {
    to,
    subject: `Invitation to ${oneLine(organization)} on WeConnect`,
    text: `You are invited to join ${oneLine(organization)} on WeConnect at ${address}.\n\nLog in or register there with this address (${to}), then accept within seven days with:\n\n` +
      `  POST ${address}/v1/invitations/${token}/accept\n\nIf you did not expect this, ignore it: nothing happens.\n`
  }
}

export function resetLetter (to: string, token: string, address: string): Letter {
  return {
    to,
    subject: 'Reset your password on WeConnect',
    text: `Somebody, hopefully you, asked to reset the password of ${to} at ${address}.\n\nWithin an hour, once:\n\n` +
      `  POST ${address}/v1/auth/password-reset/confirm  { "token": "${token}", "password": "…" }\n\nIf it was not you, ignore this: your password stays as it is.\n`
  }
}

/** A name is the organization's to choose, the letter is not. */
function oneLine (name: string): string {
  return name.replaceAll(/\s+/gu, ' ').slice(0, 100)
}
