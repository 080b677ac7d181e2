import { randomBytes } from 'node:crypto';
import type { DeskSandbox, WebhookBehaviour } from '../desk-sandbox.ts';
import { createFaults } from '../faults.ts';
import { createOutgoing, type Delivery } from '../outgoing.ts';
import { offerParts } from '../parts.ts';
import { createScriptedAgent } from '../scripted-agent.ts';
import { createShell, type SandboxCall } from '../shell.ts';
import { createFeeds } from './feeds.ts';
import { createWorld, GROUPS, newId, talkOf } from './model.ts';
import { createOperations } from './operations.ts';
import { createPeople, type SobotPeople } from './people.ts';
import { createTokens, refuse } from './request.ts';
import { createRobot, type RobotCall } from './robot.ts';
import { registerRoutes } from './routes.ts';
import { type SobotSwitches, SWITCHES } from './switches.ts';

interface SobotSandboxOptions {
  /** Human agents' messages are forwarded, a feature that is sold apart. */
  complete?: boolean;
  /** Bearer token of the control calls; none = open. */
  controlToken?: string;
  /** Under which Baton reaches the desk; default: as the caller of `_control/settings` names our host. */
  baseUrl?: string;
  /** How many calls and deliveries are remembered. */
  keep?: number;
  /** How long Sobot waits for the robot. It does not say; default 60 s. */
  robotTimeoutMs?: number;
  /** `user.writes` resolves when the robot has answered, at the latest after this time. Default 1 s. */
  settleMs?: number;
  /** How long records of the feed wait for more of their type. Sobot's: 1 s. */
  packMs?: number;
  /** Lifetime of tokens. Sobot's: a day. */
  tokenTtlSeconds?: number;
}

export interface SobotSandbox extends DeskSandbox, SobotPeople {
  readonly calls: readonly SandboxCall[];
  /** Pushes and deliveries of the feed. */
  readonly deliveries: readonly Delivery[];
  /** Calls of the robot with the answers, and what Sobot does not understand in them. */
  readonly robotCalls: readonly RobotCall[];
  /** Settings for the open API instead of the widget. */
  openapiSettings(baseUrl: string): Record<string, unknown>;
  switch(switches: Partial<SobotSwitches>): void;
}

const PUSH_TIMEOUT_MS = 10_000;

/**
 * Sobot in both ways. Widget: a visitor's words go to the third-party robot, which is Baton, until its answer transfers
 * him to humans; then Sobot carries the talk alone until they end it. Open API: Baton connects a user of its own. All
 * that calls Baton goes to the one connected address.
 */
export function createSobotSandbox(options: SobotSandboxOptions = {}): SobotSandbox {
  const { keep, robotTimeoutMs = 60_000, settleMs = 1_000, packMs = 1_000, tokenTtlSeconds = 86_400 } = options;
  const world = createWorld();
  const [appId, companyId] = [newId('app'), newId('company')];
  const [appKey, forwardKey] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const initial: SobotSwitches = options.complete ? { ...SWITCHES, forwarding: 'signed' } : SWITCHES;
  let state = initial;
  let behaviour: WebhookBehaviour = {};
  const switches = (): SobotSwitches => state;

  const faults = createFaults();
  const outgoing = createOutgoing({ timeoutMs: PUSH_TIMEOUT_MS, retriesMs: [], ...(keep !== undefined && { keep }) });
  const tokens = createTokens({ appId, appKey, ttlSeconds: tokenTtlSeconds, switches });
  const shell = createShell(() => sandbox, {
    faults,
    outgoing,
    controlToken: options.controlToken,
    baseUrl: options.baseUrl,
    keep,
    refuse: (reply, fault) => refuse(reply, fault, state),
    routes: (app) => registerRoutes(app, operations, { shell, tokens, switches }),
  });
  const { signal } = shell;
  const feeds = createFeeds({ switches, outgoing, signal, companyId, forwardKey, packMs });
  const robot = createRobot({
    switches,
    behaviour: () => behaviour,
    url: () => outgoing.url,
    signal,
    timeoutMs: robotTimeoutMs,
  });
  const { human, user, people } = createPeople(world, {
    robot,
    feeds,
    switches,
    settleMs,
    cameToHumans: ({ cid, lines }) =>
      agent.opened(cid, lines.findLast(({ from, text }) => from === 'user' && text !== '')?.text ?? ''),
    said: ({ cid }, text) => agent.said(cid, text),
  });
  const agent = createScriptedAgent(human);
  const operations = createOperations(world, {
    feeds,
    switches,
    connected: ({ cid }) => agent.opened(cid, ''),
    said: ({ cid }, text) => agent.said(cid, text),
  });

  const credentials = { appId, appKey, companyId, forwardKey };
  const sandbox: SobotSandbox = {
    ...offerParts({ shell, faults, outgoing, agent }),
    ...people,
    id: 'sobot',
    modes: ['external'],
    human,
    user,
    robotCalls: robot.calls,
    connect: ({ webhookUrl }) => outgoing.connect(webhookUrl),
    settings: (baseUrl) => ({ way: 'widget', ...credentials, groupName: GROUPS[0]?.name, baseUrl }),
    openapiSettings: (baseUrl) => ({ way: 'openapi', ...credentials, groupId: GROUPS[0]?.id, baseUrl }),
    conversations: () => world.sessions.map(talkOf),
    conversation(id) {
      const session = world.find(id);
      return session === undefined ? undefined : talkOf(session);
    },
    webhooks(next) {
      behaviour = next;
      outgoing.behave(next);
    },
    expireTokens: () => tokens.expire(),
    switch(change) {
      state = { ...state, ...change };
    },
    reset() {
      world.reset();
      shell.reset();
      robot.calls.length = 0;
      behaviour = {};
      state = initial;
      agent.set('silent');
    },
  };
  return sandbox;
}
