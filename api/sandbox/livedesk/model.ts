import type { SandboxFile } from '../desk-sandbox.ts';

export type Fields = Record<string, unknown>;

/** Refuses a call; the body is one of the forms that LiveDesk may use. */
export class LivedeskError extends Error {
  readonly statusCode: number;
  /** Fields of the call that are to blame. */
  readonly attributes: readonly string[];
  constructor(statusCode: number, message: string, attributes: readonly string[] = []) {
    super(message);
    this.statusCode = statusCode;
    this.attributes = attributes;
  }
}

export interface Contact {
  id: number;
  name: string | null;
  email: string | null;
  phone: string | null;
  identifier: string | null;
  avatarUrl: string | null;
  blocked: boolean;
  /** Epoch milliseconds. */
  createdAt: number;
  /** The contact's id in each channel. */
  inboxes: Map<number, { id: number; sourceId: string; createdAt: number }>;
}

export type Status = 'open' | 'pending' | 'snoozed' | 'resolved' | 'closed';

/** Who has written: `api` is whoever holds the key pair. */
export type Author = 'contact' | 'api' | 'agent' | 'bot' | 'system';

/** In the order of the numbers that the REST answers use. */
export const MESSAGE_TYPES = ['incoming', 'outgoing', 'activity', 'template'] as const;

export interface Message {
  id: number;
  /** One of `MESSAGE_TYPES`, or a word that nobody knows. */
  type: string;
  author: Author;
  /** Of the agent. */
  agentId: number | null;
  content: string;
  contentType: string;
  private: boolean;
  attributes: Fields;
  echoId?: string;
  /** Epoch milliseconds. */
  createdAt: number;
  sortingId: number;
  files: (SandboxFile & { id: number })[];
}

export interface Conversation {
  id: number;
  inboxId: number;
  contactId: number;
  status: Status;
  /** Unix seconds. */
  snoozedUntil: number | null;
  assigneeId: number | null;
  teamId: number | null;
  messages: Message[];
  customAttributes: Fields;
  additionalAttributes: Fields;
  /** Epoch milliseconds. */
  createdAt: number;
  updatedAt: number;
  /** Made by Baton's calls, not by a visitor or by another program. */
  fromApi: boolean;
}

export interface Named {
  id: number;
  name: string;
}

/** The API channel of external handoffs, and the website's widget whose AI Agent is Baton. */
export const API_INBOX = 611;
export const WIDGET_INBOX = 612;
const INBOXES: ReadonlyMap<number, string> = new Map([
  [API_INBOX, 'AI handoff'],
  [WIDGET_INBOX, 'Website'],
]);
export const channelOf = (inboxId: number): string =>
  inboxId === WIDGET_INBOX ? 'Channel::WebWidget' : 'Channel::Api';

export const ACCOUNT: Named = { id: 55, name: 'Sandbox project' };
/** How Baton is registered under "AI Agents". */
export const AI_AGENT: Named = { id: 9, name: 'Handoff Bot' };
export const HUMANS = 'Human agents';

/** Who may follow whom; `closed` is never set over the API. */
const MOVES: Readonly<Record<Status, readonly Status[]>> = {
  open: ['pending', 'snoozed', 'resolved'],
  pending: ['open', 'snoozed', 'resolved'],
  snoozed: ['open', 'resolved', 'pending'],
  resolved: ['open', 'pending', 'closed'],
  closed: ['open'],
};
export const canMove = (from: Status, to: Status): boolean => MOVES[from].includes(to);

export interface World {
  readonly contacts: Map<number, Contact>;
  readonly conversations: Map<number, Conversation>;
  readonly agents: Named[];
  readonly teams: Named[];
  nextId(): number;
  /** By id or name; a name that nobody has joins the project. */
  agent(idOrName: string): Named;
  inboxName(inboxId: number): string | undefined;
  /** Numbers go on afterwards, so that an id never means two things. */
  reset(): void;
}

export function createWorld(): World {
  const contacts = new Map<number, Contact>();
  const conversations = new Map<number, Conversation>();
  const agents: Named[] = [];
  // As the real one never gives an id twice, a restarted sandbox must not either.
  let next = (Math.floor(Date.now() / 1000) % 100_000_000) * 10;
  const staff = (): void => {
    agents.splice(0, agents.length, { id: 3, name: 'Alex' }, { id: 4, name: 'Dana Reyes' });
  };
  staff();
  return {
    contacts,
    conversations,
    agents,
    teams: [
      { id: 21, name: 'Support' },
      { id: 22, name: 'Billing' },
    ],
    nextId() {
      next += 1;
      return next;
    },
    agent(idOrName) {
      const known = agents.find(({ id, name }) => name === idOrName || String(id) === idOrName);
      if (known !== undefined) return known;
      const agent = { id: 3 + agents.length, name: idOrName };
      agents.push(agent);
      return agent;
    },
    inboxName: (inboxId) => INBOXES.get(inboxId),
    reset() {
      contacts.clear();
      conversations.clear();
      staff();
    },
  };
}

export const seconds = (ms: number): number => Math.floor(ms / 1000);
