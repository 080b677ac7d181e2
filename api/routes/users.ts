import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HandoffRow } from '../../activities/store/store.ts';
import { principalOf, requireBot } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import { invalid, notFound } from '../errors.ts';
import { deleteHistories } from '../run-histories.ts';
import { botParams } from '../schemas/bots.ts';
import { errors } from '../schemas/common.ts';
import { erased, person, userExport, type Erased, type Person } from '../schemas/users.ts';
import { userJson } from '../user-export.ts';
import { conversationsOf, handoffsOf, marksOf, refuseUnended } from '../users.ts';
import type { Routes } from './route.ts';

const tags = ['users'];

/** One call erases so many handoffs, so that it ends in a time that clients wait for. */
const MOST = 500;

/** `POST` with a body and not `DELETE` with a query: who a user is must not stand in the access logs of proxies. */
export const userRoutes: Routes = (app, context) => {
  app.post(
    '/v1/bots/:botId/users/export',
    {
      schema: {
        tags,
        summary: 'All that is kept of one user, as a download',
        description:
          'Every handoff with its transcript and metadata, and in native mode the journal of his conversations, newest first.',
        params: botParams,
        body: person,
        response: { 200: userExport, ...errors(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const { botId } = request.params;
      await requireKnown(context, request, botId);
      const marks = await marksOf(context.store, botId, request.body);
      request.log.info({ ...by(request, request.body, marks), botId }, 'the data of a user is exported');
      return download(reply, userJson(context, botId, request.body));
    },
  );

  app.post(
    '/v1/bots/:botId/users/erase',
    {
      schema: {
        tags,
        summary: 'Erase all that is kept of one user',
        description:
          'Handoffs, their talk before, journals, late messages and kept webhooks, native conversations, and their runs at Temporal. 409 `user_not_gone` while something of his goes on; `details` names each. `remains` says in words what lies elsewhere.',
        params: botParams,
        body: person,
        response: { 200: erased, ...errors(400, 403, 404, 409) },
      },
    },
    async (request): Promise<Erased> => {
      const { botId } = request.params;
      const who = request.body;
      const shared = (await requireKnown(context, request, botId))?.defaultEmail?.toLowerCase();
      if (who.email !== undefined && who.email.trim().toLowerCase() === shared) {
        throw invalid([{ path: 'email', message: 'is the default address of this bot, not that of one user' }]);
      }
      const { handoffs, complete } = await firstOf(handoffsOf(context, botId, who));
      const conversations = await conversationsOf(context.store, botId, who, handoffs);
      await refuseUnended(context, { handoffs, conversations });
      const handoffIds = handoffs.map((row) => row.id);
      const conversationIds = conversations.map((row) => row.id);
      // The rows last: what was not done is found by them when the call is repeated.
      const histories = await deleteHistories(context.client, [...handoffIds, ...conversationIds]);
      const { refusals: _none, ...counts } = await context.store.upkeep.erase({ botId, handoffIds, conversationIds });
      const marks = await marksOf(context.store, botId, who);
      request.log.info(
        { ...by(request, who, marks), botId, ...counts, histories, complete },
        'the data of a user was erased',
      );
      return { complete, ...counts, histories, remains: remains(handoffs, histories) };
    },
  );
};

/** The generator is asked for more only when the socket has room. */
const download = (reply: FastifyReply, chunks: AsyncIterable<string>) =>
  reply
    .header('content-type', 'application/json; charset=utf-8')
    .header('content-disposition', 'attachment; filename="user.json"')
    .header('cache-control', 'no-store')
    .send(Readable.from(chunks));

/** What a deleted bot has left can still be asked for, by the operator: its keys are gone. */
async function requireKnown(context: ApiContext, request: FastifyRequest, botId: string) {
  requireBot(request, botId);
  const bot = await context.store.bots.get(botId);
  if (bot === undefined && principalOf(request).kind !== 'operator') throw notFound('bot');
  return bot?.settings;
}

/** Who asked, and for whom: no value of the user stands in a log. */
function by(request: FastifyRequest, who: Person, marks: string[]) {
  const principal = principalOf(request);
  const caller = principal.kind === 'bot' ? { keyId: principal.keyId } : {};
  return { audit: true, by: principal.kind, ...caller, named: Object.keys(who), marks };
}

async function firstOf(pages: AsyncIterable<HandoffRow[]>): Promise<{ handoffs: HandoffRow[]; complete: boolean }> {
  const handoffs: HandoffRow[] = [];
  for await (const rows of pages) {
    handoffs.push(...rows);
    if (handoffs.length > MOST) return { handoffs: handoffs.slice(0, MOST), complete: false };
  }
  return { handoffs, complete: true };
}

function remains(handoffs: HandoffRow[], histories: Erased['histories']): Erased['remains'] {
  const desks = [...new Set(handoffs.flatMap((row) => [row.desk, ...row.earlierDesks.map(({ desk }) => desk)]))];
  return [
    ...desks.map((desk) => ({
      where: desk,
      what: 'The conversations at the desk, and the person as the desk knows him. Erase them there.',
    })),
    { where: "the bot's backend", what: 'What it has sent to Baton, and the events that it has got.' },
    {
      where: 'temporal',
      what:
        histories === 'deleted'
          ? 'The histories of his runs are deleted by Temporal within minutes; its archive, if there is one, keeps them.'
          : 'The histories of his runs, until the retention time of the namespace is over: Temporal does not let Baton delete them.',
    },
    { where: 'backups', what: 'Backups of PostgreSQL and Temporal, until they are deleted.' },
    {
      where: 'notes about desks',
      what: "What Baton knows of him as a contact of the desk: the desk's own ids, encrypted, under a hash, each until its time is over.",
    },
  ];
}
