import type { OpenRequest } from '../desks/desk.ts';
import { leftNote } from './left-note.ts';

/** What an agent should know of a handoff besides the talk, one fact a line. */
export function factsOf(request: OpenRequest): string[] {
  const { handoffId, botId, channel, conversationId, user, email } = request;
  const note = leftNote(request);
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
  const known = facts.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}: ${value}`]));
  return note === undefined ? known : [note, ...known];
}
