import type { FastifyPluginAsync, FastifyRequest } from 'fastify';

/** What the server adds that mounts a sandbox. */
export interface SandboxMount {
  /** Asked of control calls without the sandbox's token: how this caller is refused, or undefined when he may. */
  refuseControl?(request: FastifyRequest): Promise<{ status: number; error: string } | undefined>;
}

/** What all simulated desks have in common; each adds what only its desk knows. The playground and the tests use this. */
export interface DeskSandbox {
  /** Id of the desk, for example `intercom`. */
  readonly id: string;
  /** Where its users can be; `native`: in its own messenger as well. */
  readonly modes: readonly ('external' | 'native')[];
  /** To be mounted by another server under `/sandbox/{id}`. */
  plugin(): FastifyPluginAsync<SandboxMount>;
  /** Starts a server of its own on loopback; gives back its base address. */
  listen(options?: { port?: number; prefix?: string }): Promise<string>;
  /** Stops the server, the human and all webhooks that wait. */
  stop(): Promise<void>;
  /** Where the desk's webhooks go: Baton's address for this bot. */
  connect(link: { webhookUrl: string }): void;
  /** Settings with which Baton talks to this desk at `baseUrl`, secrets included. */
  settings(baseUrl: string, mode: 'external' | 'native'): Record<string, unknown>;
  readonly human: SandboxAgent;
  readonly user: SandboxUser;
  /** All conversations, oldest first. */
  conversations(): SandboxTalk[];
  /** What the agent sees of one, in order; undefined when there is none with this id. */
  conversation(id: string): SandboxTalk | undefined;
  /** Calls that reached the desk, faulty ones too. */
  arrivals(): number;
  /** Faults of one operation queue up: the second begins when the first is used up. */
  fault(operation: SandboxOperation, fault: CountedFault): void;
  clearFaults(): void;
  /** How webhooks go out from now on; `{}`: as the desk does it. */
  webhooks(behaviour: WebhookBehaviour): void;
  /** From now on every token that was given out before is refused. */
  expireTokens(): void;
  /** What the scripted human does by himself. `agent`: greets, answers every message, closes on goodbye. */
  setScript(script: 'silent' | 'agent'): void;
  /** What is switched on now. */
  state(): SandboxState;
  reset(): void;
}

/** As Baton's adapters use the desk; the simulator knows which of its calls that is. */
export type SandboxOperation = 'open' | 'send' | 'close' | 'verify';

export type SandboxFault =
  /** Answers with this HTTP status; nothing is done. `code`: the desk's own error code, where it has such. */
  | { kind: 'status'; status: number; retryAfter?: string | number; code?: string }
  /** The desk's own rate limit: its status, its body, its headers. */
  | { kind: 'rate_limit'; resetInMs: number }
  /** Done at once, answered after `ms`. */
  | { kind: 'slow'; ms: number }
  /** The connection is cut, nothing is done. */
  | { kind: 'drop_before' }
  /** Done, and the connection is cut instead of an answer. */
  | { kind: 'drop_after' }
  /** Done, and answered with status 500. */
  | { kind: 'error_after' }
  /** Done, and answered with a broken body. */
  | { kind: 'garbage' };

/** What a sandbox does beside what its desk does. */
export interface SandboxState {
  script: 'silent' | 'agent';
  /** Those that are not used up. */
  faults: (CountedFault & { operation: SandboxOperation })[];
  webhooks: WebhookBehaviour;
}

/** `times` calls get the fault, one after the other; without it, all until `clearFaults`. */
export type CountedFault = SandboxFault & { times?: number };

export interface WebhookBehaviour {
  /** Each goes out this many times at once. */
  copies?: number;
  /** Each waits this long. */
  delayMs?: number;
  /** A webhook made by an API call goes out, and is answered, before the call is answered. */
  early?: boolean;
  /** Groups of this many go out in reverse order. */
  reverse?: number;
  /** None goes out. */
  drop?: boolean;
  /** Signed with a wrong secret. */
  wrongSecret?: boolean;
}

export interface SandboxFile {
  url: string;
  name: string;
  contentType?: string;
}

/** The human at the desk. Each step resolves with the HTTP status of Baton's answer to its webhook, 0 for none. */
export interface SandboxAgent {
  reply(conversationId: string, text: string, options?: { agent?: string; files?: SandboxFile[] }): Promise<number>;
  /** Internal: must never reach the user. */
  note(conversationId: string, text: string, options?: { files?: SandboxFile[] }): Promise<number>;
  /** Gives the conversation to another agent. */
  transfer(conversationId: string, agent: string): Promise<number>;
  close(conversationId: string, options?: { text?: string }): Promise<number>;
  /** A part of a kind that nobody has heard of. */
  unknownPart(conversationId: string): Promise<number>;
}

/** The user in the desk's own messenger (native mode). */
export interface SandboxUser {
  /** Without `conversationId` a new conversation; gives back the id under which Baton knows it. */
  writes(text: string, options?: { conversationId?: string; files?: SandboxFile[] }): Promise<string>;
}

export interface SandboxTalk {
  /** The id under which Baton knows it. */
  id: string;
  closed: boolean;
  /** Name or id of the agent or group that has it. */
  assignee?: string;
  messages: SandboxLine[];
}

export interface SandboxLine {
  /** The desk's own id. */
  id: string;
  from: 'user' | 'agent' | 'bot' | 'note' | 'system';
  text: string;
  files: SandboxFile[];
}
