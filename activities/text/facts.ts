import type { OpenRequest } from '../desks/desk.ts';

/** What an agent should know of a handoff besides the talk, one fact a line. */
export function factsOf({ handoffId, botId, channel, conversationId, user, email }: OpenRequest): string[] {
  const facts: [string, string | undefined][] = [
    ['Handoff', handoffId],
    ['Bot', botId],
    ['Channel', channel],
    ['Conversation', conversationId],
    ['User', user.id ?? user.anonymousId],
    ['Name', user.name],
    ['E-mail', user.email ?? email],
    ['Phone', user.phone],
    ['Language', user.locale],
  ];
  return facts.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}: ${value}`]));
}
