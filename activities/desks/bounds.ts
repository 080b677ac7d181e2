import { createHash } from 'node:crypto';
import type { Agent, Attachment, HandoffSignal, User } from '../../workflows/contracts.ts';
import { splitText } from '../text/split.ts';
import type { DeskEvent } from './desk.ts';

/**
 * Sizes of what a desk may report. Its ids are in unique indexes of PostgreSQL, which refuse an entry of 2.7 KB and more;
 * everything else goes through payloads of Temporal and to the bot's backend.
 */
export const EVENT_BOUNDS = {
  /** UTF-8 bytes. */
  conversationId: 500,
  /** UTF-8 bytes. */
  key: 300,
  /** UTF-8 bytes of one message: far more than anybody writes. */
  text: 64 * 1024,
  files: 20,
  /** Characters, of all below. Addresses of files are often signed, so they are long. */
  url: 4_096,
  avatar: 2_048,
  name: 200,
  fileName: 255,
  id: 200,
  email: 254,
  phone: 50,
  locale: 35,
} as const;

/**
 * The same events in sizes that can be stored and told on. Nothing that was said is lost: a message that is too long or has
 * too many files becomes several, and the address of a file that is too long becomes a line of the text. A key that is too
 * long becomes its hash, so a repeat has it too. Left out are events of a conversation whose id is longer than any that a
 * desk has given us, files without a web address, and what is too long to be an id, an e-mail or a picture of a person.
 */
export function boundedEvents(events: DeskEvent[]): DeskEvent[] {
  return events.flatMap((event) => {
    if (bytes(event.deskConversationId) > EVENT_BOUNDS.conversationId) return [];
    const { comesWith, dedupeKey } = event;
    const one = {
      ...event,
      dedupeKey: boundedKey(dedupeKey),
      ...(comesWith !== undefined && { comesWith: boundedKey(comesWith) }),
    };
    return boundedSignals(event.signal).map((signal, index) =>
      index === 0 ? { ...one, signal } : { ...one, dedupeKey: `${one.dedupeKey}#${index + 1}`, signal },
    );
  });
}

const bytes = (text: string): number => Buffer.byteLength(text, 'utf8');

const boundedKey = (key: string): string =>
  bytes(key) <= EVENT_BOUNDS.key ? key : `sha256:${createHash('sha256').update(key, 'utf8').digest('hex')}`;

function boundedSignals(signal: HandoffSignal): HandoffSignal[] {
  switch (signal.kind) {
    case 'agentReply':
      return boundedSaid({ ...signal, ...(signal.agent && { agent: boundedAgent(signal.agent) }) });
    case 'userMessage':
      return boundedSaid({ ...signal, ...(signal.user && { user: boundedUser(signal.user) }) });
    case 'agentJoined':
    case 'agentChanged':
      return [{ ...signal, agent: boundedAgent(signal.agent) }];
    case 'snooze': {
      const { until, ...rest } = signal;
      return [{ ...rest, ...(until !== undefined && isPlainTime(until) && { until }) }];
    }
    default:
      return [signal];
  }
}

type Said = Extract<HandoffSignal, { kind: 'agentReply' | 'userMessage' }>;

function boundedSaid({ text, attachments: given = [], ...rest }: Said): Said[] {
  const files = given.filter(({ url }) => /^https?:\/\//i.test(url));
  const isReference = ({ url }: Attachment): boolean => url.length <= EVENT_BOUNDS.url && URL.canParse(url);
  const lines = files.filter((file) => !isReference(file)).map(({ url }) => url);
  const words = [...(text === '' ? [] : [text]), ...lines].join('\n');
  const shown = files.filter(isReference).map(boundedFile);
  if (words === '' && shown.length === 0 && given.length > 0) return [];
  const texts = splitText(words, EVENT_BOUNDS.text);
  const groups = Array.from({ length: Math.ceil(shown.length / EVENT_BOUNDS.files) }, (_, n) =>
    shown.slice(n * EVENT_BOUNDS.files, (n + 1) * EVENT_BOUNDS.files),
  );
  // Files come with the last piece of the text, as with a text that is short.
  const first = Math.max(0, texts.length - 1);
  const count = Math.max(1, texts.length, first + groups.length);
  return Array.from({ length: count }, (_, n) => {
    const attachments = groups[n - first];
    return { ...rest, text: texts[n] ?? '', ...(attachments && { attachments }) };
  });
}

/** Without half a character at its end. */
const cut = (text: string, characters: number): string => text.slice(0, characters).replace(/[\ud800-\udbff]$/, '');

const fitting = <K extends string>(name: K, value: string | undefined, most: number): { [k in K]?: string } =>
  value === undefined || value.length > most ? {} : ({ [name]: value } as { [k in K]: string });

function boundedFile({ url, name, contentType }: Attachment): Attachment {
  const shown = name === undefined ? {} : { name: cut(name, EVENT_BOUNDS.fileName) };
  return { url, ...shown, ...fitting('contentType', contentType, EVENT_BOUNDS.fileName) };
}

function boundedAgent({ id, name, avatar }: Agent): Agent {
  return {
    ...fitting('id', id, EVENT_BOUNDS.id),
    ...(name !== undefined && { name: cut(name, EVENT_BOUNDS.name) }),
    ...fitting('avatar', avatar, EVENT_BOUNDS.avatar),
  };
}

function boundedUser({ id, anonymousId, email, name, phone, locale }: User): User {
  return {
    ...fitting('id', id, EVENT_BOUNDS.id),
    ...fitting('anonymousId', anonymousId, EVENT_BOUNDS.id),
    ...fitting('email', email, EVENT_BOUNDS.email),
    ...(name !== undefined && { name: cut(name, EVENT_BOUNDS.name) }),
    ...fitting('phone', phone, EVENT_BOUNDS.phone),
    ...fitting('locale', locale, EVENT_BOUNDS.locale),
  };
}

/** PostgreSQL does not read years of five digits, and Temporal has no timer of more than 292 years. */
const LAST_MS = Date.UTC(2200, 0, 1);
const isPlainTime = (text: string): boolean => Date.parse(text) > 0 && Date.parse(text) < LAST_MS;
