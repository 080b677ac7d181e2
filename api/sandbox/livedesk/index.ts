import { randomBytes } from 'node:crypto';
import type { DeskSandbox } from '../desk-sandbox.ts';
import { createFaults } from '../faults.ts';
import { createOutgoing, type Delivery } from '../outgoing.ts';
import { offerParts } from '../parts.ts';
import { createScriptedAgent } from '../scripted-agent.ts';
import { createShell, type SandboxCall } from '../shell.ts';
import { createActions } from './actions.ts';
import { contactRoutes } from './contacts.ts';
import { conversationRoutes } from './conversations.ts';
import { API_INBOX, type Contact, type Conversation, createWorld, WIDGET_INBOX } from './model.ts';
import { createPeople, type LivedeskPeople } from './people.ts';
import { refuse } from './request.ts';
import { registerRoutes } from './routes.ts';
import { type LivedeskSwitches, SWITCHES } from './switches.ts';
import { createWire } from './wire.ts';

interface LivedeskSandboxOptions {
  /** Bearer token of the control calls; none = open. */
  controlToken?: string;
  /** Under which Baton reaches the desk; default: as the caller of `_control/settings` names our host. */
  baseUrl?: string;
  /** How many calls and webhooks are remembered. */
  keep?: number;
  /** How long LiveDesk waits for an answer to a webhook, default 5 s. It never sends one again. */
  webhookTimeoutMs?: number;
}

export interface LivedeskSandbox extends DeskSandbox, LivedeskPeople {
  readonly calls: readonly SandboxCall[];
  readonly deliveries: readonly Delivery[];
  readonly contacts: readonly Contact[];
  switch(switches: Partial<LivedeskSwitches>): void;
}

/**
 * LiveDesk as far as a handoff needs it. What `settings` was last asked for is what the operator has set up: in external
 * mode the API channel calls Baton, in native mode (also before) the widget, whose AI Agent Baton is; a visitor writes in
 * that channel. Webhooks go to the connected address with the webhook token as `token` in its query.
 */
export function createLivedeskSandbox(options: LivedeskSandboxOptions = {}): LivedeskSandbox {
  const { keep, webhookTimeoutMs = 5_000 } = options;
  const world = createWorld();
  const apiKey = `ak_${randomBytes(12).toString('hex')}`;
  const webhookToken = randomBytes(32).toString('hex');
  const webhookSecret = `whsec_${randomBytes(16).toString('hex')}`;
  let apiSecret = newSecret();
  let switches = SWITCHES;
  let inboxId = WIDGET_INBOX;
  let connected: string | undefined;

  const faults = createFaults();
  const outgoing = createOutgoing({ timeoutMs: webhookTimeoutMs, retriesMs: [], ...(keep !== undefined && { keep }) });
  const wire = createWire(world, () => switches);
  const actions = createActions(world, {
    wire,
    switches: () => switches,
    inboxId: () => inboxId,
    webhookSecret,
    webhookUrl: () => outgoing.url,
  });
  const said = ({ id }: Conversation, text: string): void => agent.said(String(id), text);
  const { human, user, people } = createPeople(world, { actions, outgoing, inboxId: () => inboxId, said });
  const agent = createScriptedAgent(human);

  /** Nothing but the address tells Baton who calls. */
  function aim(wrongToken: boolean): void {
    if (connected === undefined) return;
    const url = new URL(connected);
    url.searchParams.set('token', wrongToken ? 'f'.repeat(webhookToken.length) : webhookToken);
    outgoing.connect(url.href);
  }

  const routes = [
    ...contactRoutes(world, wire, () => switches.reading),
    ...conversationRoutes(world, {
      actions,
      wire,
      switches: () => switches,
      said,
      cameToHumans: ({ id, messages }) =>
        agent.opened(String(id), messages.findLast(({ author }) => author === 'contact')?.content ?? ''),
    }),
  ];
  const shell = createShell(() => sandbox, {
    faults,
    outgoing,
    controlToken: options.controlToken,
    baseUrl: options.baseUrl,
    keep,
    refuse: (reply, fault) => refuse(reply, fault, switches.errors),
    routes: (app) =>
      registerRoutes(app, routes, { shell, keys: () => ({ apiKey, apiSecret }), errors: () => switches.errors }),
  });

  const sandbox: LivedeskSandbox = {
    ...offerParts({ shell, faults, outgoing, agent }),
    ...people,
    id: 'livedesk',
    modes: ['external', 'native'],
    human,
    user,
    get contacts() {
      return [...world.contacts.values()];
    },
    connect({ webhookUrl }) {
      connected = webhookUrl;
      aim(false);
    },
    settings(baseUrl, mode) {
      inboxId = mode === 'external' ? API_INBOX : WIDGET_INBOX;
      const signed = switches.signs ? { webhookSecret } : {};
      return { apiKey, apiSecret, inboxId, webhookToken, ...signed, baseUrl };
    },
    conversations: () => [...world.conversations.values()].map(wire.talk),
    conversation(id) {
      const conversation = world.conversations.get(Number(id));
      return conversation === undefined ? undefined : wire.talk(conversation);
    },
    webhooks(behaviour) {
      outgoing.behave(behaviour);
      aim(behaviour.wrongSecret === true);
    },
    expireTokens() {
      apiSecret = newSecret();
    },
    switch(change) {
      switches = { ...switches, ...change };
    },
    reset() {
      world.reset();
      shell.reset();
      aim(false);
      switches = SWITCHES;
      agent.set('silent');
    },
  };
  return sandbox;
}

const newSecret = (): string => `sk_${randomBytes(16).toString('hex')}`;
