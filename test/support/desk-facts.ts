import { desks } from '../../activities/desks/registry.ts';
import type { DeskSandbox, SandboxFault } from '../../api/sandbox/desk-sandbox.ts';
import { createSobotSandbox } from '../../api/sandbox/sobot/index.ts';
import { sandboxes } from '../../api/sandbox/sandboxes.ts';
import { createZohoSalesiqSandbox } from '../../api/sandbox/zoho-salesiq/index.ts';
import type { Mode } from '../../workflows/contracts.ts';
import { openApiOf } from './sobot-openapi.ts';

/** What the tests have to know of one desk beside its simulator. */
interface DeskFacts {
  /** Native mode: under which name a human gives a conversation to the bot. */
  seat?(config: Record<string, unknown>): string;
  /** Why its native mode is among the desks of `turn-desks.ts` instead. */
  inTurns?: string;
  /** Why an answer alone does not take a conversation from the bot, and who takes it before. */
  takenFirst?: { why: string; agent: string };
  /** The adapter gets new tokens by itself; otherwise an operator has to enter one. */
  renewsTokens?: boolean;
  /** Why its webhooks show nobody who has sent them. */
  unsigned?: string;
  /** Why files of its agents do not arrive; the text that stands for one. */
  fileNotice?: { why: string; text: string };
  /** Why it does not say that a conversation is over, when it is asked. */
  hidesItsEnd?: string;
  /** Why its own rate limit is too long for a test, and what it may send instead. */
  rateLimit?: { why: string; fault: SandboxFault };
  /** External mode: why none of its users is ever asked for an e-mail. */
  noEmail?: string;
  /** Instead of its simulator as it is. */
  create?(): DeskSandbox;
}

const FACTS: Record<string, DeskFacts> = {
  intercom: { seat: (config) => String(config['adminId']) },
  livechat: { seat: (config) => String(config['agentEmail']), renewsTokens: true },
  livedesk: {
    seat: () => 'Handoff Bot',
    takenFirst: { why: 'the table of statuses has AI-Replying to Open as a step of its own', agent: 'Dana Reyes' },
  },
  sobot: {
    renewsTokens: true,
    unsigned: 'pushes of its open API have no signature',
    hidesItsEnd: 'no field that says so is published',
    noEmail: 'only the channels of a web page ask for one, and it serves its own channel only',
    create: () => openApiOf(createSobotSandbox()),
  },
  'zoho-salesiq': {
    renewsTokens: true,
    inTurns: 'a Zobot answers a message; it can neither speak otherwise nor get a chat back from the humans',
    fileNotice: {
      why: 'what webhooks tell of a file is not published',
      text: '[The agent has sent a file that cannot be shown here.]',
    },
    rateLimit: {
      why: 'error 1023 names no end, so a minute is waited; with a Retry-After it is that',
      fault: { kind: 'status', status: 429, retryAfter: 1 },
    },
    create: () => createZohoSalesiqSandbox({ refreshes: 1_000, codes: 1_000 }),
  },
};

export interface TestedDesk extends DeskFacts {
  kind: string;
  mode: Mode;
  /** A channel of its users: of its own messenger in native mode. */
  channel: string;
  /** A channel of users that it must not get. */
  refusedChannel: string;
  create(): DeskSandbox;
}

/** The desks with a simulator, for `describe.each`: bot and user may speak at any time. */
export const desksIn = (mode: Mode): TestedDesk[] =>
  Object.entries(sandboxes)
    .filter(([kind]) => mode === 'external' || FACTS[kind]?.inTurns === undefined)
    .flatMap(([kind, create]) => tested(kind, mode, () => create()));

/** None when the desk does not have this mode. */
export function tested(kind: string, mode: Mode, create: () => DeskSandbox): TestedDesk[] {
  const desk = desks.get(kind);
  if (desk === undefined || !desk.capabilities.modes.includes(mode)) return [];
  const channel = mode === 'native' ? desk.ownChannels[0] : (desk.externalChannels?.[0] ?? 'api');
  const refused = channel === 'api' ? desk.ownChannels[0] : 'api';
  return [{ kind, mode, channel: channel ?? kind, refusedChannel: refused ?? kind, create, ...FACTS[kind] }];
}
