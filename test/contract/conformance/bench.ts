import { createServer, type AddressInfo } from 'node:net';
import type { Desk, DeskContext, DeskMemory } from '../../../activities/desks/desk.ts';
import type { DeskErrorKind } from '../../../activities/errors.ts';
import type { CountedFault, DeskSandbox, SandboxOperation } from '../../../api/sandbox/desk-sandbox.ts';
import type { Mode } from '../../../workflows/contracts.ts';
import { createReceiver, type Receiver } from './receiver.ts';
import type { Signature } from './signature-forms.ts';

/** What our side has said in a conversation: the user in external mode, the bot in native mode. */
export interface SaidLine {
  text: string;
  /** Epoch milliseconds, where the desk takes ours. */
  timestamp?: number;
  /** Addresses of its files. */
  files?: string[];
}

/** A desk's simulator, as the conformance suite sees it. */
export interface DeskBench<C> {
  /** With every secret of the desk set. */
  readonly config: C;
  /** Credentials that the simulator refuses. */
  readonly refused: C;
  /** An address where nobody listens. */
  readonly nobody: C;
  /** Without the opening, after the desk's own dedupe, in the order of arrival. */
  said(deskConversationId: string): SaidLine[];
  /** Every line that agents can read, of the opening too. */
  everything(deskConversationId: string): string[];
  /** Ids of all conversations, oldest first. */
  conversations(): string[];
  isClosed(deskConversationId: string): boolean;
  /** All calls that reached the simulator. */
  arrivals(): number;
  /** The next calls of this operation have this fault; faults queue up. */
  fault(operation: SandboxOperation, fault: CountedFault): void;
  clearFaults(): void;
  /** Tokens that were given out are refused from now on, where the desk has such. */
  expireTokens(): void;
  /** Absent for a desk that calls other addresses than our webhooks. */
  inbound?: Inbound;
  stop(): Promise<void>;
}

export interface Inbound {
  sandbox: DeskSandbox;
  receiver: Receiver;
}

/** How a desk answers to a status in another way than most, by its own protocol. */
export interface StatusDifference {
  status: number;
  /** Only there; otherwise in every operation. */
  operation?: 'open' | 'send' | 'close';
  /** Only in this mode; otherwise in both. */
  mode?: Mode;
  /** `fine`: the call succeeds. */
  is: DeskErrorKind | 'fine';
  /** Where the desk's documentation says so. */
  why: string;
}

/** What only this desk knows of itself. */
export interface DeskFacts {
  /** The field of the config that proves who we are. */
  credential: Record<Mode, string>;
  statuses?: readonly StatusDifference[];
  signature?: Signature;
  /** The desk's own name of what a webhook tells, as in its guide. */
  topicOf?(body: unknown): string;
  /** Its rate limit says when it ends. */
  tellsWhen: boolean;
  /** Native mode: its webhooks say whether a human has the conversation. */
  tellsWhoHasIt?: boolean;
  /** Its webhooks do not say who has ended a conversation or given it back: what we end comes back as ended by an agent. */
  hidesWhoEnds?: true;
  /** Its read API does not say that a conversation is over: why. */
  hidesItsEnd?: string;
  /** Files of agents do not arrive; this text stands in the place of each. */
  fileNotice?: string;
  /** The first words of an agent come with a webhook that he has it. */
  tellsPickUp?: true;
  /** How long it is left alone after its rate limit when it does not say, in milliseconds. */
  lockedMs?: number;
  /** Before anything else: what an operator does once in his browser. */
  connect?(ctx: DeskContext<never>, sandbox: DeskSandbox, mode: Mode): Promise<void>;
  /** Its webhooks tell nothing of notes, so there is nothing to leave out. */
  keepsNotes?: true;
  /** The name of one more human. */
  colleague?: string;
  /** Native mode: the name by which a human gives a conversation back to the bot. */
  seat?(config: Record<string, unknown>): string;
  /** The agent says several things, and one webhook tells all of them. */
  several?(sandbox: DeskSandbox, deskConversationId: string, texts: string[]): Promise<number>;
  /** Webhooks have HTML bodies from now on, or not any more. */
  html?(sandbox: DeskSandbox, on: boolean): void;
}

/** An address where nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A bench of any sandbox. `question`: with it the opening of an external conversation ends. */
export async function sandboxBench<C>(
  sandbox: DeskSandbox,
  desk: Desk<C>,
  facts: DeskFacts,
  { mode, question, memory }: { mode: Mode; question: string; memory: DeskMemory },
): Promise<DeskBench<C>> {
  const baseUrl = await sandbox.listen();
  const nobodyUrl = `http://127.0.0.1:${await closedPort()}`;
  const settings = (): Record<string, unknown> => sandbox.settings(baseUrl, mode);
  const validated = (change: Record<string, unknown> = {}): C => desk.config.parse({ ...settings(), ...change });
  const receiver = await createReceiver(desk, {
    config: () => validated(),
    mode,
    memory,
    ...(facts.topicOf && { topicOf: facts.topicOf }),
  });
  sandbox.connect({ webhookUrl: receiver.url });
  const credential = facts.credential[mode];
  const lines = (id: string) => sandbox.conversation(id)?.messages ?? [];

  return {
    get config() {
      return validated();
    },
    get refused() {
      const right = String(settings()[credential]);
      return validated({ [credential]: `${right.slice(0, -1)}${right.endsWith('0') ? '1' : '0'}` });
    },
    get nobody() {
      return validated({ baseUrl: nobodyUrl });
    },
    said(id) {
      const all = lines(id);
      const from = mode === 'native' ? 'bot' : 'user';
      const start = mode === 'native' ? 0 : all.findIndex(({ text }) => text === question) + 1;
      return all
        .slice(start)
        .filter((line) => line.from === from)
        .map(({ text, files }) => ({ text, files: files.map(({ url }) => url) }));
    },
    everything: (id) => lines(id).map(({ text }) => text),
    conversations: () => sandbox.conversations().map(({ id }) => id),
    isClosed: (id) => sandbox.conversation(id)?.closed === true,
    arrivals: () => sandbox.arrivals(),
    fault: (operation, fault) => sandbox.fault(operation, fault),
    clearFaults: () => sandbox.clearFaults(),
    expireTokens: () => sandbox.expireTokens(),
    inbound: { sandbox, receiver },
    async stop() {
      await sandbox.stop();
      await receiver.stop();
    },
  };
}
