import type { SandboxFile } from '../desk-sandbox.ts';
import { type Fields, isFields } from './model.ts';

const ACTIONS = ['reply', 'forward', 'operator_busy', 'context', 'block', 'pending', 'end'] as const;

/** What the bot's webhook has answered. */
export interface ZobotAnswer {
  action: (typeof ACTIONS)[number];
  replies: { text: string; files: SandboxFile[] }[];
  /** An id; none: everybody. */
  department: string | undefined;
  /** E-mails. */
  operators: string[];
  raw: Fields;
}

/** A text says what is wrong with it. */
export function readAnswer(given: unknown): ZobotAnswer | string {
  if (!isFields(given)) return 'the answer is no JSON object';
  const action = ACTIONS.find((one) => one === given['action']);
  if (action === undefined) return `unknown action: ${JSON.stringify(given['action'])}`;
  const { replies = [], department, operators = [] } = given;
  if (!Array.isArray(replies)) return 'replies is a list';
  if (action === 'reply' && replies.length === 0) return 'reply without replies';
  const read = replies.map(readReply);
  const broken = read.find((one) => typeof one === 'string');
  if (broken !== undefined) return broken;
  if (department !== undefined && typeof department !== 'string') return 'department is an id, as text';
  if (!Array.isArray(operators) || !operators.every((one) => typeof one === 'string')) return 'operators is a list';
  return { action, replies: read as ZobotAnswer['replies'], department, operators, raw: given };
}

/** A text, or a card with a text. */
function readReply(given: unknown): ZobotAnswer['replies'][number] | string {
  if (typeof given === 'string') return given === '' ? 'an empty reply' : { text: given, files: [] };
  if (!isFields(given) || typeof given['type'] !== 'string') return 'a reply is a text or a card with a type';
  const { type, text = '', url } = given;
  if (typeof text !== 'string') return 'text of a card is a text';
  if (type !== 'file') return { text, files: [] };
  if (typeof url !== 'string' || !URL.canParse(url)) return 'a file card needs an address';
  return { text, files: [{ url, name: new URL(url).pathname.split('/').at(-1) ?? '' }] };
}
