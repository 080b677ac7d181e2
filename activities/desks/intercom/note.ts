import { factsOf } from '../../text/facts.ts';
import { escapeHtml } from '../../text/html.ts';
import { splitText } from '../../text/split.ts';
import type { OpenRequest } from '../desk.ts';
import type { Piece } from './parts.ts';

/** Characters of HTML. Intercom names no limit. */
const NOTE_MAX = 10_000;
/** Bytes; even when every character becomes an entity, it fits into a note. */
const TURN_MAX = 1_500;

export const htmlLines = (text: string): string => escapeHtml(text).replaceAll(/\r?\n/g, '<br>');

/** What the agent should know, as internal notes: the facts of the handoff, then the talk with the bot. */
export function contextNotes(request: OpenRequest): Piece[] {
  const blocks = [facts(request), ...transcript(request)];
  const bodies: string[] = [];
  for (const block of blocks) {
    const last = bodies.at(-1);
    if (last !== undefined && last.length + block.length <= NOTE_MAX) bodies[bodies.length - 1] = last + block;
    else bodies.push(block);
  }
  const numbered = (body: string, index: number): string =>
    bodies.length === 1 ? body : `<p>${index + 1}/${bodies.length}</p>${body}`;
  return bodies.map((body, index) => ({ as: 'admin', kind: 'note', body: numbered(body, index) }));
}

function facts(request: OpenRequest): string {
  const lines = splitText(factsOf(request).join('\n'), TURN_MAX)[0] ?? '';
  return `<p><b>Handed over by the bot</b></p><p>${htmlLines(lines)}</p>`;
}

/** In external mode the question is the first message; in native mode the bot may have put it in words of its own. */
function transcript({ history, question, mode }: OpenRequest): string[] {
  if (history.length === 0 && mode === 'external') return [];
  const turns = [...history, { role: 'user' as const, text: question }].flatMap(({ role, text }) =>
    splitText(text, TURN_MAX).map((piece) => `<p><b>${role === 'user' ? 'User' : 'Bot'}:</b> ${htmlLines(piece)}</p>`),
  );
  return ['<p><b>The talk so far</b></p>', ...turns];
}
