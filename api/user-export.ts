import type { ConversationRow, HandoffRow, Store } from '../activities/store/store.ts';
import type { ConversationEvent } from '../workflows/contracts.ts';
import type { ApiContext } from './context.ts';
import type { Person } from './schemas/users.ts';
import { transcriptJson, transcriptParts } from './transcript.ts';
import { conversationsOf, handoffsOf } from './users.ts';

const PAGE = 500;

/** A `UserExport` as JSON, piece by piece: a user may have said more than fits into memory. */
export async function* userJson(context: ApiContext, botId: string, who: Person): AsyncGenerator<string> {
  const { store } = context;
  const head = { version: 1, botId, exportedAt: new Date().toISOString() };
  yield `${JSON.stringify(head).slice(0, -1)},"handoffs":[`;
  // Without what is long of them.
  const native: HandoffRow[] = [];
  let separator = '\n';
  for await (const rows of handoffsOf(context, botId, who)) {
    for (const row of rows) {
      yield `${separator}{"metadata":${JSON.stringify(row.metadata ?? null)},"transcript":`;
      const before = (await store.insight.history(row.id)) ?? null;
      yield* transcriptJson({ row, before }, transcriptParts(store, row));
      yield '}';
      separator = ',\n';
      if (row.mode === 'native') native.push({ ...row, question: '', metadata: null });
    }
  }
  yield '],"conversations":[';
  separator = '\n';
  for (const row of await conversationsOf(store, botId, who, native)) {
    yield separator;
    yield* conversationJson(store, row);
    separator = ',\n';
  }
  yield ']}\n';
}

async function* conversationJson({ journal }: Store, row: ConversationRow): AsyncGenerator<string> {
  const { id, desk, deskConversationId, startedAt } = row;
  yield `${JSON.stringify({ id, desk, deskConversationId, startedAt }).slice(0, -1)},"events":[`;
  let separator = '\n';
  for (let after = 0; ;) {
    const events = await journal.read<ConversationEvent>(id, after, PAGE);
    for (const event of events) {
      yield separator + JSON.stringify(event);
      separator = ',\n';
    }
    after = events.at(-1)?.seq ?? after;
    if (events.length < PAGE) break;
  }
  yield ']}';
}
