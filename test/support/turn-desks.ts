import { setTimeout as pause } from 'node:timers/promises';
import type { DeskSandbox } from '../../api/sandbox/desk-sandbox.ts';
import { createSobotSandbox, type SobotSandbox } from '../../api/sandbox/sobot/index.ts';
import { createZohoSalesiqSandbox, type ZohoSalesiqSandbox } from '../../api/sandbox/zoho-salesiq/index.ts';
import type { BotEvent } from '../../workflows/contracts.ts';
import type { Cluster } from './cluster.ts';
import { tested, type TestedDesk } from './desk-facts.ts';
import { openDesk, type DeskBot, type DeskTalk } from './desk-talks.ts';
import { until } from './poll.ts';

/** What the user reads when the bot has said nothing in time, and when he gets what it says later. */
interface TooLate {
  name: string;
  settings: Record<string, unknown>;
  reads: string[];
  then: 'by itself' | 'with the next turn';
}

/** A desk whose bot can only speak while the desk waits for it, in its HTTP call. */
export interface TurnDesk extends TestedDesk {
  tooLate: TooLate[];
  /** The bot has the conversation, and not the humans. */
  isTheBots?(sandbox: DeskSandbox, conversationId: string): boolean;
  /** The desk asks the bot nothing any more, for desks that do so when it has failed too often. */
  isSwitchedOff?(sandbox: DeskSandbox): boolean;
  /** What the desk could not use in the bot's answers. */
  problems(sandbox: DeskSandbox): string[];
  /** Why nobody tells us what is said after the transfer unless this is switched on. */
  deaf?: { why: string; heal(sandbox: DeskSandbox): void };
  /** The user leaves the humans, for desks that tell it. */
  leaves?(sandbox: DeskSandbox, conversationId: string): Promise<unknown>;
  /** From now on each turn comes again when it is answered, for desks that may do so. */
  asksAgain?(sandbox: DeskSandbox): void;
  /** Nobody can take over, for desks that say so to the bot; what the user reads then. */
  nobody?: { text: string; set(sandbox: DeskSandbox): void };
}

/** A simulated user watches for the bot's answer so long, milliseconds: longer than any desk waits. */
const PATIENCE_MS = 15_000;

/** Of the two times that Zoho publishes the longer one: what is answered after it is lost, and the machine may be slow. */
const ANSWER_MS = 10_000;

const zoho = (): TurnDesk[] =>
  tested('zoho-salesiq', 'native', createZohoSalesiqSandbox).map((desk) => ({
    ...desk,
    create: () =>
      createZohoSalesiqSandbox({ refreshes: 1_000, codes: 1_000, patienceMs: PATIENCE_MS, answerMs: ANSWER_MS }),
    tooLate: [
      { name: 'the desk waits on', settings: {}, reads: [], then: 'by itself' },
      {
        name: 'the desk apologizes',
        settings: { lateAnswers: 'apology', apology: 'One moment' },
        reads: ['One moment'],
        then: 'with the next turn',
      },
    ],
    isTheBots: (sandbox, id) => sandbox.conversation(id)?.assignee === 'Zobot',
    isSwitchedOff: (sandbox) => (sandbox as ZohoSalesiqSandbox).zobot.disabled,
    problems: (sandbox) => [...(sandbox as ZohoSalesiqSandbox).zobot.problems],
    leaves: (sandbox, id) => (sandbox as ZohoSalesiqSandbox).visitorCloses(id),
    nobody: {
      text: 'Sorry, nobody can take over the chat right now.',
      set: (sandbox) => (sandbox as ZohoSalesiqSandbox).setOperatorsAvailable(false),
    },
  }));

const sobot = (): TurnDesk[] =>
  tested('sobot', 'external', createSobotSandbox).map((desk) => ({
    ...desk,
    create: () => createSobotSandbox({ packMs: 30, settleMs: PATIENCE_MS }),
    tooLate: [
      {
        name: 'the desk says so',
        settings: { noAnswerText: 'No answer' },
        reads: ['No answer'],
        then: 'with the next turn',
      },
    ],
    problems: (sandbox) => (sandbox as SobotSandbox).robotCalls.flatMap(({ answer }) => answer.faults),
    asksAgain: (sandbox) => (sandbox as SobotSandbox).switch({ repeats: 1 }),
    deaf: {
      why: 'the widget tells its robot nothing after the transfer; the feed is switched on by staff, for money',
      heal: (sandbox) => (sandbox as SobotSandbox).switch({ forwarding: 'signed' }),
    },
  }));

export const turnDesks = (): TurnDesk[] => [...zoho(), ...sobot()];

let made: Promise<unknown> = Promise.resolve();

/** One after the other: to make the keys of a portal takes long, and the API of the same process sheds load meanwhile. */
async function inTurn<T>(make: () => T): Promise<T> {
  const mine = made.then(make);
  made = mine.then(() => pause(100));
  return await mine;
}

/** A bot at such a desk. `settings`: of the bot; `deskSettings`: of its desk, beside the simulator's. */
export async function openTurns(
  cluster: Cluster,
  desk: TurnDesk,
  settings: Record<string, unknown> = {},
  deskSettings: Record<string, unknown> = {},
): Promise<TurnBot> {
  const sandbox = await inTurn(() => desk.create());
  const create = (): DeskSandbox => ({
    ...sandbox,
    settings: (baseUrl, mode) => ({ ...sandbox.settings(baseUrl, mode), ...deskSettings }),
  });
  return turnsOf(desk, await openDesk(cluster, { ...desk, create }, desk.mode, settings));
}

export interface TurnBot {
  bot: DeskBot;
  /** The user writes, and while the desk waits the bot does this; gives back the id of the conversation. */
  turn(text: string, answers: (event: BotEvent) => Promise<unknown>, conversationId?: string): Promise<string>;
  /** The same with a bot that says this. */
  says(text: string, answer: string, conversationId?: string): Promise<string>;
  /** The user asks for a human, and the bot calls one while the desk waits. */
  handsOff(conversationId?: string): Promise<DeskTalk>;
  /** What bot or user have said in it. */
  lines(conversationId: string, from: 'user' | 'bot'): string[];
  /** Waits until the user has got this from the bot, and nothing else. */
  userSees(conversationId: string, ...texts: string[]): Promise<void>;
}

function turnsOf(desk: TurnDesk, bot: DeskBot): TurnBot {
  let asked = 0;
  const turns: TurnBot = {
    bot,
    async turn(text, answers, conversationId) {
      const writing = bot.sandbox.user.writes(text, conversationId === undefined ? {} : { conversationId });
      await answers(await bot.hears(text));
      return await writing;
    },
    says: (text, answer, before) =>
      turns.turn(
        text,
        async ({ conversationId }) => {
          const [status, code] = await bot.speak(conversationId, answer);
          if (status !== 202) throw new Error(`${desk.kind}: ${status} ${String(code)} for ${answer}`);
        },
        before,
      ),
    async handsOff(before) {
      let talk: DeskTalk | undefined;
      await turns.turn(
        `A human, please (${(asked += 1)})`,
        async ({ conversationId }) => (talk = await bot.start({ conversationId })),
        before,
      );
      await talk!.sees('handoff.connecting');
      return talk!;
    },
    lines: (conversationId, from) =>
      (bot.sandbox.conversation(conversationId)?.messages ?? [])
        .filter((line) => line.from === from)
        .map(({ text }) => text),
    async userSees(conversationId, ...texts) {
      await until(() => turns.lines(conversationId, 'bot').length >= texts.length, {
        message: () => `${desk.kind}: ${texts.at(-1)} behind ${JSON.stringify(turns.lines(conversationId, 'bot'))}`,
      });
      const seen = turns.lines(conversationId, 'bot');
      if (JSON.stringify(seen) !== JSON.stringify(texts)) throw new Error(`${desk.kind}: ${JSON.stringify(seen)}`);
    },
  };
  return turns;
}
