import { DateTime } from 'luxon';
import type { Agent, Attachment, CloseReason, EventType } from '../workflows/contracts.ts';
import type { TranscriptEntry } from './schemas/insight.ts';
import type { TranscriptHead, TranscriptPart } from './transcript.ts';

/** What happened besides the messages. */
const NEWS: Partial<Record<EventType, string>> = {
  'handoff.email_required': 'The user is asked for an e-mail address',
  'handoff.scheduled': 'The user is connected at the next opening',
  'handoff.connecting': 'Waiting for an agent',
  'handoff.busy': 'The desk cannot be reached',
  'handoff.wait_timeout': 'Nobody has answered in time',
  'handoff.active': 'An agent has answered',
  'handoff.agent_changed': 'Another agent has taken over',
  'handoff.snoozed': 'The agent has parked the conversation',
  'handoff.desk_changed': 'Nobody has answered: the request goes to the second desk',
  'message.read': 'The agent has read the messages',
};

const ENDS: Record<CloseReason, string> = {
  user_closed: 'The user ended it',
  agent_closed: 'The agent ended it',
  bot_closed: 'The bot ended it',
  wait_timeout: 'Nobody answered in time',
  inactivity_timeout: 'Nobody wrote any more',
  email_not_given: 'The user gave no e-mail address',
  desk_unavailable: 'The desk could not be reached',
  operator_closed: 'The operator ended it',
  message_left: 'The user left a message',
};

/** Messages whose words are remembered, for the line that says that one did not arrive: that comes within minutes. */
const REMEMBERED = 1_000;
const QUOTED = 60;
const INDENT = '    ';

/** What moves the cursor or turns the direction of writing, and what a terminal takes for a command. */
// oxlint-disable-next-line no-control-regex -- what it removes
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const LINE_ENDS = /\r\n|[\r\n\u0085\u2028\u2029]/;

/** Further lines are set in, so that nobody can write a line that looks like one of ours. */
const inLines = (text: string): string =>
  text
    .split(LINE_ENDS)
    .map((line) => line.replace(UNPRINTABLE, ''))
    .join(`\n${INDENT}`);

const inOneLine = (text: string): string => text.split(LINE_ENDS).join(' ').replace(UNPRINTABLE, '');

/** A transcript for people, with the times of `timezone`. */
export async function* transcriptText(
  { row, before }: TranscriptHead,
  parts: AsyncIterable<TranscriptPart>,
  timezone: string,
): AsyncGenerator<string> {
  const writer = new TextWriter(timezone, row.user.name);
  yield writer.head({ row, before });
  let section: TranscriptPart['kind'] = 'entry';
  for await (const part of parts) {
    if (part.kind !== section) yield `\n${TITLES[part.kind]}\n\n`;
    section = part.kind;
    yield writer.part(part);
  }
  if (section === 'entry') yield `\n${TITLES.end}\n\nIt goes on.\n`;
}

const TITLES = { entry: 'HANDOFF', end: 'HOW IT ENDED', late: 'AFTER THE END (not shown to the user)' } as const;

class TextWriter {
  readonly #timezone: string;
  readonly #userName: string;
  readonly #said = new Map<string, { at: string; text: string }>();

  constructor(timezone: string, userName: string | undefined) {
    this.#timezone = timezone;
    this.#userName = userName === undefined || userName === '' ? 'User' : `${inOneLine(userName)} (user)`;
  }

  head({ row, before }: TranscriptHead): string {
    const { user } = row;
    const facts = {
      Bot: row.botId,
      Desk: row.desk,
      'Before at': row.earlierDesks.map(({ desk }) => desk).join(', '),
      Channel: row.channel,
      Conversation: row.conversationId,
      'At the desk': row.deskConversationId,
      User: [user.name, user.email, user.phone, user.id ?? user.anonymousId].filter(Boolean).join(', '),
      Started: this.#time(row.startedAt),
      Answered: row.activeAt && this.#time(row.activeAt),
      Ended: row.closedAt && this.#time(row.closedAt),
      Times: this.#timezone,
    };
    const lines = Object.entries(facts).flatMap(([name, value]) => (value ? [`${name}: ${inOneLine(value)}`] : []));
    const turns = before?.map(({ role, text, at }) =>
      this.#line(at, role === 'user' ? this.#userName : 'Bot', inLines(text)),
    );
    return [
      `Handoff ${row.id}\n${lines.join('\n')}\n\nBEFORE THE HANDOFF\n\n`,
      ...(turns ?? ['It was not kept.\n']),
      ...(turns?.length === 0 ? ['Nothing was handed over.\n'] : []),
      `\nQUESTION\n\n${this.#line(row.startedAt, this.#userName, inLines(row.question))}`,
      `\n${TITLES.entry}\n\n`,
    ].join('');
  }

  part(part: TranscriptPart): string {
    if (part.kind === 'entry') return this.#entry(part.entry);
    if (part.kind === 'late') {
      const { at, from, text, attachments, agent, desk } = part.message;
      const who = from === 'user' ? this.#userName : nameOf(agent);
      return this.#line(at, desk ? `${who} at ${desk}` : who, inLines(text)) + filesOf(attachments);
    }
    const { at, reason, text } = part.end;
    return this.#news(at, `${ENDS[reason] ?? 'It ended'} (${reason})`, text);
  }

  #entry({ at, type, text, messageId, agent, attachments, reason }: TranscriptEntry): string {
    if (type === 'message.user' || type === 'message.agent') {
      if (type === 'message.user' && messageId !== undefined) this.#remember(messageId, at, text ?? '');
      const name = type === 'message.user' ? this.#userName : nameOf(agent);
      return this.#line(at, name, inLines(text ?? '')) + filesOf(attachments);
    }
    if (type === 'message.failed') {
      const what = attachments === undefined ? 'Not delivered' : 'Files were not delivered';
      return this.#news(at, `${what} (${reason ?? 'unknown'}): ${this.#quote(messageId)}`, text) + filesOf(attachments);
    }
    return this.#news(at, [NEWS[type] ?? type, agent && nameOf(agent)].filter(Boolean).join(': '), text);
  }

  #remember(messageId: string, at: string, text: string): void {
    this.#said.set(messageId, { at, text });
    const [oldest] = this.#said.keys();
    if (this.#said.size > REMEMBERED && oldest !== undefined) this.#said.delete(oldest);
  }

  #quote(messageId = ''): string {
    const said = this.#said.get(messageId);
    if (said === undefined) return `the message ${inOneLine(messageId)}`;
    const words = inOneLine(said.text);
    // No half of a character that takes two places.
    const quoted = words.length > QUOTED ? `${words.slice(0, QUOTED).replace(/[\ud800-\udbff]$/, '')}…` : words;
    return `the message of ${this.#time(said.at)}, "${quoted}"`;
  }

  #news(at: string, what: string, shown: string | null): string {
    return this.#line(at, '*', what) + (shown ? `${INDENT}Shown to the user: ${inLines(shown)}\n` : '');
  }

  #line(at: string | undefined, who: string, text: string): string {
    const time = at === undefined ? '' : `[${this.#time(at)}] `;
    return `${time}${who}${who === '*' ? '' : ':'} ${text}\n`;
  }

  #time(at: string): string {
    const time = DateTime.fromISO(at, { zone: this.#timezone });
    return time.isValid ? time.toFormat('yyyy-MM-dd HH:mm:ss') : inOneLine(at);
  }
}

const nameOf = (agent: Agent | null | undefined): string =>
  agent?.name ? `${inOneLine(agent.name)} (agent)` : 'Agent';

const filesOf = (attachments: Attachment[] = []): string =>
  attachments
    .map(({ url, name }) => `${INDENT}File: ${name ? `${inOneLine(name)} ` : ''}<${inOneLine(url)}>\n`)
    .join('');
