import { randomBytes } from 'node:crypto';
import type { DeskSandbox } from '../desk-sandbox.ts';
import { createFaults } from '../faults.ts';
import { createActions } from './actions.ts';
import { contactRoutes } from './contacts.ts';
import { conversationRoutes } from './conversations.ts';
import { BOT_ADMIN, type Contact, type Conversation, createWorkspace, HUMAN_TEAM } from './model.ts';
import { createPeople, type IntercomPeople } from './people.ts';
import { createRateLimit, refuse } from './request.ts';
import { registerRoutes, staffRoutes } from './routes.ts';
import { createWebhooks } from './webhooks.ts';
import { talkOf } from './wire.ts';
import { createOutgoing, type Delivery } from '../outgoing.ts';
import { offerParts } from '../parts.ts';
import { createScriptedAgent } from '../scripted-agent.ts';
import { createShell, type SandboxCall } from '../shell.ts';

interface IntercomSandboxOptions {
  /** Bearer token of the control calls; none = open. */
  controlToken?: string;
  /** Under which Baton reaches the desk; default: as the caller of `_control/settings` names our host. */
  baseUrl?: string;
  /** How many calls and webhooks are remembered. */
  keep?: number;
  /** Default: made new. A fixed one lets settings outlive a restart of the sandbox. */
  accessToken?: string;
  clientSecret?: string;
  /** Between the first and the only other try of a webhook. Intercom waits a minute; default 250 ms. */
  retryAfterMs?: number;
  /** How long Intercom waits for an answer to a webhook: 5 s. */
  webhookTimeoutMs?: number;
  /** Calls in ten seconds. Intercom's default: 1,666. */
  callsPerWindow?: number;
}

/** What can be switched while the sandbox runs. */
export interface IntercomSwitches {
  /** As `/me` says it: `US`, `EU` or `AU`. */
  region: string;
  /** The app's own version, for webhooks and for calls without a header. Up to 2.14 webhooks have HTML bodies. */
  appVersion: string;
  /** HTML bodies in webhooks whatever the version. */
  htmlBodies: boolean;
  /** False: webhooks have no part, as it was seen in the wild. */
  partsInWebhooks: boolean;
  /** The answer to a reply has all parts, not only the new one. */
  responsePartsAll: boolean;
  /** A new contact or conversation is not found by search for so long. */
  searchDelayMs: number;
  /** Whether an assignment to a team takes the teammate away is not documented; default: it does not. */
  teamClearsAdmin: boolean;
}

export interface IntercomSandbox extends DeskSandbox, IntercomPeople {
  /** `app_id` of the webhooks, `app.id_code` of `/me`. */
  readonly workspaceId: string;
  readonly calls: readonly SandboxCall[];
  readonly deliveries: readonly Delivery[];
  readonly contacts: readonly Contact[];
  switch(switches: Partial<IntercomSwitches>): void;
  /** HTTP status of the answer to the HEAD call with which Intercom checks an address; 0: none. */
  headCheck(): Promise<number>;
}

const SWITCHES: IntercomSwitches = {
  region: 'US',
  appVersion: '2.16',
  htmlBodies: false,
  partsInWebhooks: true,
  responsePartsAll: false,
  searchDelayMs: 0,
  teamClearsAdmin: false,
};

/**
 * Intercom as far as a handoff needs it: contacts, conversations, a team, the Messenger and signed webhooks. It shares
 * no code with the adapter, and is strict where Intercom is.
 */
export function createIntercomSandbox(options: IntercomSandboxOptions = {}): IntercomSandbox {
  const { keep, retryAfterMs = 250, webhookTimeoutMs = 5_000, callsPerWindow = 1_666 } = options;
  const workspace = createWorkspace();
  const clientSecret = options.clientSecret ?? randomBytes(16).toString('hex');
  let accessToken = options.accessToken ?? newToken();
  let switches = SWITCHES;
  let head: Promise<number> = Promise.resolve(0);

  const faults = createFaults();
  const outgoing = createOutgoing({
    timeoutMs: webhookTimeoutMs,
    retriesMs: [retryAfterMs],
    verdict: (status) => (status === 410 ? 'disable' : status >= 200 && status < 300 ? 'done' : 'retry'),
    ...(keep !== undefined && { keep }),
  });
  const actions = createActions(workspace, { teamClearsAdmin: () => switches.teamClearsAdmin });
  const webhooks = createWebhooks(workspace, {
    clientSecret,
    version: () => switches.appVersion,
    htmlBodies: () => switches.htmlBodies || Number(switches.appVersion) < 2.15,
    withParts: () => switches.partsInWebhooks,
  });
  const { human, user, people } = createPeople(workspace, {
    actions,
    webhooks,
    outgoing,
    said(conversation, text) {
      if (hasHumans(conversation)) agent.said(conversation.id, text);
    },
  });
  const agent = createScriptedAgent(human);

  const routes = [
    ...staffRoutes(workspace, () => switches.region),
    ...contactRoutes(workspace, () => switches.searchDelayMs),
    ...conversationRoutes(workspace, {
      actions,
      webhooks,
      searchDelayMs: () => switches.searchDelayMs,
      allParts: () => switches.responsePartsAll,
      created: ({ id, source }) => agent.opened(id, source.text),
      changed({ conversation, part }) {
        const handedOver = part?.assignedTo != null && part.assignedTo.id !== BOT_ADMIN && !conversation.fromApi;
        if (handedOver) agent.opened(conversation.id, lastWords(conversation));
        if (part !== undefined && part.author.type !== 'admin') agent.said(conversation.id, part.text);
      },
    }),
  ];
  const shell = createShell(() => sandbox, {
    faults,
    outgoing,
    controlToken: options.controlToken,
    baseUrl: options.baseUrl,
    keep,
    refuse,
    routes: (app) =>
      registerRoutes(app, routes, {
        shell,
        rate: createRateLimit(callsPerWindow),
        token: () => accessToken,
        version: () => switches.appVersion,
      }),
  });

  const sandbox: IntercomSandbox = {
    ...offerParts({ shell, faults, outgoing, agent }),
    ...people,
    id: 'intercom',
    modes: ['external', 'native'],
    workspaceId: workspace.id,
    human,
    user,
    get contacts() {
      return [...workspace.contacts.values()];
    },
    connect({ webhookUrl }) {
      outgoing.connect(webhookUrl);
      head = headStatus(webhookUrl, AbortSignal.any([shell.signal, AbortSignal.timeout(webhookTimeoutMs)]));
    },
    headCheck: async () => await head,
    settings: (baseUrl) => ({
      accessToken,
      clientSecret,
      region: switches.region.toLowerCase(),
      adminId: BOT_ADMIN,
      teamId: HUMAN_TEAM,
      baseUrl,
    }),
    conversations: () => [...workspace.conversations.values()].map((one) => talkOf(workspace, one)),
    conversation(id) {
      const conversation = workspace.conversations.get(id);
      return conversation === undefined ? undefined : talkOf(workspace, conversation);
    },
    webhooks: (behaviour) => outgoing.behave(behaviour),
    expireTokens() {
      accessToken = newToken();
    },
    switch(change) {
      switches = { ...switches, ...change };
    },
    reset() {
      workspace.reset();
      shell.reset();
      switches = SWITCHES;
      agent.set('silent');
    },
  };
  return sandbox;
}

const newToken = (): string => `dG9rO${randomBytes(24).toString('base64url')}`;

const hasHumans = ({ adminAssigneeId, teamAssigneeId }: Conversation): boolean =>
  adminAssigneeId === '0' ? teamAssigneeId !== '0' : adminAssigneeId !== BOT_ADMIN;

const lastWords = ({ parts, source }: Conversation): string =>
  parts.findLast(({ author, text }) => author.type !== 'admin' && author.type !== 'bot' && text !== '')?.text ??
  source.text;

/** Intercom takes an address only when it answers this. */
async function headStatus(url: string, signal: AbortSignal): Promise<number> {
  try {
    return (await fetch(url, { method: 'HEAD', signal })).status;
  } catch {
    return 0;
  }
}
