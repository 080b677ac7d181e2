import { factsOf } from '../../text/facts.ts';
import { splitText } from '../../text/split.ts';
import type { OpenRequest } from '../desk.ts';

/** UTF-8 bytes of one message. EngageLab names no limit. */
export const TEXT_MAX = 10_000;
/** Room for the number of a note. */
const NOTE_MAX = TEXT_MAX - 100;

/** What the agent should know: the facts of the handoff, then the talk with the bot. */
export function contextNotes(request: OpenRequest): string[] {
  const facts = ['Handed over by the bot', ...factsOf(request)].join('\n');
  const notes = splitText([facts, ...transcript(request)].join('\n\n'), NOTE_MAX);
  return notes.length === 1 ? notes : notes.map((note, index) => `${index + 1}/${notes.length}\n${note}`);
}

/** In external mode the question is the first message; in native mode the bot may have put it in words of its own. */
function transcript({ history, question, mode }: OpenRequest): string[] {
  const turns = mode === 'native' ? [...history, { role: 'user' as const, text: question }] : history;
  if (turns.length === 0) return [];
  return ['The talk so far:', ...turns.map(({ role, text }) => `${role === 'user' ? 'User' : 'Bot'}: ${text}`)];
}
