import { splitText } from '../../text/split.ts';
import type { OpenRequest } from '../desk.ts';

/** UTF-8 bytes of one message. EngageLab names no limit. */
export const TEXT_MAX = 10_000;
/** Room for the number of a note. */
const NOTE_MAX = TEXT_MAX - 100;

/** What the agent should know: the facts of the handoff, then the talk with the bot. */
export function contextNotes(request: OpenRequest): string[] {
  const notes = splitText([facts(request), ...transcript(request)].join('\n\n'), NOTE_MAX);
  return notes.length === 1 ? notes : notes.map((note, index) => `${index + 1}/${notes.length}\n${note}`);
}

function facts({ handoffId, botId, channel, conversationId, user, email }: OpenRequest): string {
  const lines: [string, string | undefined][] = [
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
  const known = lines.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}: ${value}`]));
  return ['Handed over by the bot', ...known].join('\n');
}

/** In external mode the question is the first message; in native mode the bot may have put it in words of its own. */
function transcript({ history, question, mode }: OpenRequest): string[] {
  const turns = mode === 'native' ? [...history, { role: 'user' as const, text: question }] : history;
  if (turns.length === 0) return [];
  return ['The talk so far:', ...turns.map(({ role, text }) => `${role === 'user' ? 'User' : 'Bot'}: ${text}`)];
}
