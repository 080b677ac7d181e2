import type { DeskSandbox, SandboxTalk } from '../desk-sandbox.ts';
import { createFaults } from '../faults.ts';
import { createOutgoing, type Delivery, type OutgoingWebhook } from '../outgoing.ts';
import { offerParts } from '../parts.ts';
import { createScriptedAgent } from '../scripted-agent.ts';
import { createShell } from '../shell.ts';
import { type AccountsOptions, registerAccounts } from './accounts.ts';
import { registerZohoControl } from './control.ts';
import { ALL_SCOPES, createGrants, type Grants, readScopes } from './grants.ts';
import type { Conversation, Fields, WebhookEntry } from './model.ts';
import { isOpen } from './model.ts';
import { createPeople, type People } from './people.ts';
import { restRoutes } from './rest.ts';
import { createRings } from './rings.ts';
import { refuseFault, registerSalesiq } from './routes.ts';
import { createTalks, type Emit } from './talks.ts';
import { visitorRoutes } from './visitor.ts';
import { webhookRoutes } from './webhook-routes.ts';
import * as webhooks from './webhooks.ts';
import { appOf, createWorld, groupOf, resetWorld, type Switches, type World } from './world.ts';
import { createZobot, type Zobot, type ZobotOptions } from './zobot.ts';

export interface ZohoSalesiqSandboxOptions
  extends Partial<AccountsOptions>, Pick<ZobotOptions, 'answerMs' | 'replyMax'> {
  /** Bearer token of the control calls; none = open. */
  controlToken?: string;
  /** Under which Baton reaches the desk; default: as the caller of `_control/settings` names our host. */
  baseUrl?: string;
  /** How many calls and deliveries are remembered. Default 10,000. */
  keep?: number;
  /** How fast its clock goes between the tries of a webhook: 0.001 makes a minute to 60 ms. Default 1. */
  retryScale?: number;
  /** How fast it goes while a chat rings (`custom_wait_time`). Default 1. */
  waitScale?: number;
  /** Calls in one second before error 1023. Zoho publishes no number; default: none is too many. */
  burst?: number;
  /** `user.writes` resolves when the bot has answered, or after this time. Default 500. */
  patienceMs?: number;
}

export interface ZohoSalesiqSandbox extends DeskSandbox, Omit<People, 'human' | 'user'> {
  /**
   * A code as the consent page gives it, good once and for two minutes, for any redirect address: of an org token in
   * external mode, of a user token in native mode.
   */
  grantCode(mode: 'external' | 'native', scopes?: string): string;
  /** Every refresh token is refused from now on, and access tokens too. */
  revokeRefreshTokens(): void;
  /** Access tokens that were made of refresh tokens. */
  refreshes(): number;
  /** Misbehaviour that stays until it is switched off, or until `reset`. */
  switch(changes: Partial<Switches>): void;
  /** Tokens grow old, and chats that ring too long are missed. */
  advanceClock(ms: number): Promise<void>;
  /** Operators of the group take chats or do not. */
  setOperatorsAvailable(available: boolean): void;
  readonly zobot: Pick<Zobot, 'calls' | 'problems' | 'disabled'>;
  /** What is registered now, by hand and by the API. */
  registered(): WebhookEntry[];
  /** Every try of every webhook; the bot's calls are in `zobot.calls`. */
  readonly deliveries: readonly Delivery[];
}

/**
 * Zoho SalesIQ, as far as Baton sees it: accounts under `/accounts`, the REST and Visitor APIs under `/api`. The address of
 * `connect` is that of a webhook made by hand and of the bot. The bot is attached to the site as the last `settings` says:
 * in native mode it gets what visitors write, in external mode there is none.
 */
export function createZohoSalesiqSandbox(options: ZohoSalesiqSandboxOptions = {}): ZohoSalesiqSandbox {
  const { keep = 10_000, retryScale = 1, patienceMs = 500, burst = Number.POSITIVE_INFINITY } = options;
  const { tokenSeconds = 3_600, refreshes = 10, codes = 10 } = options;
  const limits = { tokenSeconds, refreshes, codes, redirectUris: options.redirectUris };
  const world = createWorld();
  const grants = createGrants(world, limits);
  const faults = createFaults();
  const outgoing = createOutgoing({
    timeoutMs: webhooks.TIMEOUT_MS,
    retriesMs: webhooks.RETRIES_MS.map((ms) => ms * retryScale),
    verdict: webhooks.verdict,
    keep,
  });
  const shell = createShell(() => sandbox, {
    faults,
    outgoing,
    controlToken: options.controlToken,
    baseUrl: options.baseUrl,
    keep,
    routes(app) {
      registerAccounts(app, { world, grants, shell }, limits);
      const rest = [
        ...restRoutes(world, talks, zobot),
        ...webhookRoutes(world, webhooks.createExecutions(world, outgoing), () => outgoing.disabled),
      ];
      const visitor = visitorRoutes(world, talks, scripted, options.waitScale ?? 1);
      registerSalesiq(app, { world, grants, shell, rest, visitor, burst, drain });
    },
    refuse: (reply, fault) => refuseFault(world, reply, fault),
    control: (app) => registerZohoControl(app, sandbox),
  });

  const emitted: OutgoingWebhook[] = [];
  const emit: Emit = (event, conversation, fields) => {
    emitted.push(...webhooks.webhooksFor(world, event, conversation, fields));
    rings.watch(conversation);
  };
  const drain = (): OutgoingWebhook[] => emitted.splice(0);
  async function flush(): Promise<number> {
    const statuses = await Promise.all(drain().map((webhook) => outgoing.send(webhook)));
    return statuses[statuses.length - 1] ?? 0;
  }
  const talks = createTalks(world, emit);
  const rings = createRings(world, async (conversation) => {
    talks.miss(conversation);
    await flush();
  });
  const zobot = createZobot({
    world,
    talks,
    flush,
    forwarded: ({ id, question }) => scripted.opened(id, question),
    signal: shell.signal,
    answerMs: options.answerMs,
    replyMax: options.replyMax,
  });
  const people = createPeople({ world, talks, zobot, scripted: () => scripted, emit, flush, patienceMs });
  const scripted = createScriptedAgent(people.human);

  const parts = offerParts({ shell, faults, outgoing, agent: scripted });
  const sandbox: ZohoSalesiqSandbox = {
    ...parts,
    id: 'zoho-salesiq',
    modes: ['external', 'native'],
    ...people,
    ...ofGrants(grants),
    async stop() {
      rings.stop();
      await parts.stop();
    },
    connect({ webhookUrl }) {
      outgoing.connect(webhookUrl);
      zobot.connect(webhookUrl);
      const entry = webhooks.registerByHand(world, webhookUrl);
      void webhooks.headStatus(webhookUrl).then((status) => {
        // Nobody there yet is no refusal: the operator tries again.
        entry.reachable = status === 200 || status === 0;
      });
    },
    settings(baseUrl, mode) {
      world.bot.attached = mode === 'native';
      return settingsOf(world, baseUrl);
    },
    conversations: () => [...world.conversations.values()].map((conversation) => talkOf(world, conversation)),
    conversation(id) {
      const conversation = world.conversations.get(id);
      return conversation === undefined ? undefined : talkOf(world, conversation);
    },
    webhooks(behaviour) {
      outgoing.behave(behaviour);
      zobot.behave(behaviour);
    },
    reset() {
      shell.reset();
      zobot.reset();
      rings.stop();
      scripted.set('silent');
      resetWorld(world);
    },
    switch: (changes) => void Object.assign(world.switches, changes),
    async advanceClock(ms) {
      world.advance(ms);
      await rings.check();
    },
    setOperatorsAvailable(available) {
      for (const operator of world.operators) operator.available = available;
    },
    zobot,
    registered: () => [...world.webhooks.values()],
  };
  return sandbox;
}

const ofGrants = (grants: Grants) => ({
  grantCode(mode: 'external' | 'native', scopes = ALL_SCOPES): string {
    const kind = mode === 'external' ? 'org' : 'user';
    const code = grants.newCode({ kind, scopes: readScopes(scopes) ?? new Set(), offline: true });
    if (code === undefined) throw new Error('too many codes in ten minutes');
    return code;
  },
  expireTokens: () => grants.expireAccess(),
  revokeRefreshTokens: () => grants.revokeRefresh(),
  refreshes: () => grants.refreshes,
});

const settingsOf = (world: World, baseUrl: string): Fields => ({
  clientId: world.clientId,
  clientSecret: world.clientSecret,
  screenName: world.screenName,
  region: world.region,
  departmentId: groupOf(world).id,
  publicKey: world.signingKey.publicKey,
  appId: appOf(world).id,
  baseUrl,
});

function talkOf(world: World, conversation: Conversation): SandboxTalk {
  const department = world.departments.find(({ id }) => id === conversation.departmentId);
  const humans = conversation.owner?.name ?? department?.displayName ?? 'All operators';
  const assignee = conversation.state === 'bot' ? world.bot.name : humans;
  return {
    id: conversation.id,
    closed: !isOpen(conversation),
    ...(isOpen(conversation) && { assignee }),
    messages: conversation.lines.map(({ id, from, text, files }) => ({ id, from, text, files })),
  };
}
