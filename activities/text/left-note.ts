import type { OpenRequest } from '../desks/desk.ts';

/** For the agents, in front of a message whose user has gone; undefined for a user who waits. */
export function leftNote({ leftMessage, email, user }: OpenRequest): string | undefined {
  if (leftMessage === undefined) return undefined;
  const address = leftMessage.emailIsDefault ? undefined : (email ?? user.email);
  const ways = [address && `by e-mail: ${address}`, user.phone && `by phone: ${user.phone}`].filter(Boolean);
  const how = ways.length > 0 ? `Please answer ${ways.join(', or ')}.` : 'No address of his own is known.';
  return `The user has left a message and is gone. What you write here does not reach him. ${how}`;
}
