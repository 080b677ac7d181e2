import { setTimeout as delay } from 'node:timers/promises';
import type { BurstStep, SandboxHuman } from './human.ts';
import type { SandboxConversation } from './records.ts';

/** What the scripted human does with a conversation. */
export type SandboxScript =
  /** Never says anything by itself. */
  | { name: 'silent' }
  /** Greets after `afterMs` (default 1000), answers every message, closes when the user says goodbye. */
  | { name: 'agent'; afterMs?: number }
  /** Replies and waits for Baton's answer before establish is answered. */
  | { name: 'reply_before_establish'; text?: string }
  /** One reply `afterMs` after establish. */
  | { name: 'reply_once'; text?: string; afterMs?: number }
  /** The same reply five times at once, after establish. */
  | { name: 'five_at_once'; text?: string }
  /** The steps in their order within `withinMs` (default 50), after establish. */
  | { name: 'burst'; steps: BurstStep[]; withinMs?: number };

export const SCRIPT_NAMES: readonly SandboxScript['name'][] = [
  'silent',
  'agent',
  'reply_before_establish',
  'reply_once',
  'five_at_once',
  'burst',
];

interface ScriptRun {
  script: SandboxScript;
  human: SandboxHuman;
  conversation: SandboxConversation;
  /** He has greeted before establish is answered. */
  early: boolean;
  signal: AbortSignal;
}

/** Baton may be down for a moment while the human speaks. */
const RETRY_FOR_MS = 60_000;
const THINKING_MS = 400;
const AGENT = { id: 'sandbox-alex', name: 'Alex' };

const whoHas = ({ agent = AGENT }: SandboxConversation) => agent;

/** Before establish is answered. */
export async function onEstablishing({ script, human, conversation, early }: ScriptRun): Promise<void> {
  if (script.name === 'agent' && early)
    await human.reply(conversation.id, greeting(conversation), { agent: whoHas(conversation) });
  if (script.name === 'reply_before_establish')
    await human.reply(conversation.id, script.text ?? 'Hello, I am here already.');
}

/** After establish has been answered. */
export async function onEstablished({ script, human, conversation, early, signal }: ScriptRun): Promise<void> {
  const { id } = conversation;
  switch (script.name) {
    case 'agent':
      if (early) break;
      await delay(script.afterMs ?? 1000, undefined, { signal });
      await human.reply(id, greeting(conversation), { agent: whoHas(conversation), retryForMs: RETRY_FOR_MS });
      break;
    case 'reply_once':
      await delay(script.afterMs ?? 0, undefined, { signal });
      await human.reply(id, script.text ?? 'Hello, how can I help you?');
      break;
    case 'five_at_once':
      await human.replyAtOnce(id, script.text ?? 'Hello, how can I help you?', 5);
      break;
    case 'burst':
      await human.burst(id, script.steps, script.withinMs === undefined ? {} : { withinMs: script.withinMs });
      break;
    default:
      break;
  }
}

/** A message of the user has arrived. */
export async function onMessage({ script, human, conversation, signal }: ScriptRun, text: string): Promise<void> {
  if (script.name !== 'agent' || conversation.closed !== undefined) return;
  await delay(THINKING_MS, undefined, { signal });
  const goodbye = /\b(bye|goodbye|thanks|thank you|merci|gracias|danke)\b/i.test(text);
  const answer = goodbye ? 'You are welcome. Have a nice day!' : `Thank you. I am looking at this: “${text}”.`;
  await human.reply(conversation.id, answer, { agent: whoHas(conversation), retryForMs: RETRY_FOR_MS });
  if (goodbye) await human.close(conversation.id, { retryForMs: RETRY_FOR_MS });
}

function greeting({ context }: SandboxConversation): string {
  const question = context.findLast(({ message_type, text }) => message_type === 'QUESTION' && text !== '');
  const about = question === undefined ? '' : ` You asked: “${question.text}”.`;
  return `Hello, this is Alex.${about} How can I help you?`;
}

/** Checks a script that came over HTTP; a text says what is wrong with it. */
export function readScript(input: unknown): SandboxScript | string {
  if (typeof input !== 'object' || input === null) return 'a script is an object';
  const script = input as Record<string, unknown>;
  const { name, steps, text, afterMs, withinMs } = script;
  if (!SCRIPT_NAMES.some((known) => known === name)) return `name must be one of: ${SCRIPT_NAMES.join(', ')}`;
  if (text !== undefined && typeof text !== 'string') return 'text must be a string';
  for (const ms of [afterMs, withinMs]) {
    if (ms !== undefined && !(typeof ms === 'number' && ms >= 0 && ms <= 600_000)) return 'times are 0 to 600000 ms';
  }
  const isStep = (step: unknown): boolean =>
    step === 'close' ||
    (typeof step === 'object' && step !== null && typeof (step as { reply?: unknown }).reply === 'string');
  if (name === 'burst' && !(Array.isArray(steps) && steps.length <= 100 && steps.every(isStep))) {
    return 'steps must be a list of "close" and { "reply": "…" }';
  }
  return script as unknown as SandboxScript;
}
