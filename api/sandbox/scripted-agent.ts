import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxAgent } from './desk-sandbox.ts';

/** What a human does by himself, at any desk. */
export interface ScriptedAgent {
  set(script: 'silent' | 'agent'): void;
  readonly script: 'silent' | 'agent';
  /** A conversation has come to the humans with this question. */
  opened(conversationId: string, question: string): void;
  /** The user has written in a conversation that the humans have. */
  said(conversationId: string, text: string): void;
  stop(): Promise<void>;
}

const GREETING_AFTER_MS = 1_000;
const THINKING_MS = 400;
/** A desk may have the whole talk with the bot in the place of a question: nobody repeats that. */
const LONG = 200;
const GOODBYE = /\b(bye|goodbye|thanks|thank you|merci|gracias|danke)\b/i;

/** `agent` greets, answers every message and closes when the user says goodbye; `silent` does nothing. */
export function createScriptedAgent(human: SandboxAgent): ScriptedAgent {
  const stopping = new AbortController();
  const turns = new Map<string, Promise<void>>();
  let script: 'silent' | 'agent' = 'silent';

  /** A human does one thing after the other; a failure ends only this thing. */
  function inTurn(conversationId: string, work: () => Promise<void>): void {
    if (script === 'silent') return;
    const turn = (turns.get(conversationId) ?? Promise.resolve()).then(work).catch(() => undefined);
    turns.set(conversationId, turn);
    void turn.then(() => turns.get(conversationId) === turn && turns.delete(conversationId));
  }

  return {
    set(next) {
      script = next;
    },
    get script() {
      return script;
    },
    opened(conversationId, question) {
      inTurn(conversationId, async () => {
        await delay(GREETING_AFTER_MS, undefined, { signal: stopping.signal });
        const about = question === '' || question.length > LONG ? '' : ` You asked: “${question}”.`;
        await human.reply(conversationId, `Hello, this is Alex.${about} How can I help you?`, { agent: 'Alex' });
      });
    },
    said(conversationId, text) {
      inTurn(conversationId, async () => {
        await delay(THINKING_MS, undefined, { signal: stopping.signal });
        const goodbye = GOODBYE.test(text);
        const answer = goodbye ? 'You are welcome. Have a nice day!' : `Thank you. I am looking at this: “${text}”.`;
        await human.reply(conversationId, answer, { agent: 'Alex' });
        if (goodbye) await human.close(conversationId);
      });
    },
    async stop() {
      stopping.abort();
      await Promise.all(turns.values());
    },
  };
}
