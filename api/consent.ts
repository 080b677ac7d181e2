import { randomBytes } from 'node:crypto';
import type { Consent, Desk, DeskMemory } from '../activities/desks/desk.ts';
import type { DeskConfig } from '../activities/store/store.ts';
import type { Mode } from '../workflows/contracts.ts';
import type { ApiContext } from './context.ts';
import { callDesk } from './desk-call.ts';
import type { BotSettings } from '../activities/settings.ts';
import { DeskError } from '../activities/errors.ts';
import type { Page } from './page.ts';
import { failureOf, serviceOf, verifyDesk, type Verification } from './verify.ts';
import { asOnlyDesk } from './which-desk.ts';

/** How long a human has for the desk's page. */
const STATE_TTL_MS = 10 * 60_000;
/** Milliseconds: the exchange of the code takes a few calls. */
const FINISH_MS = 20_000;
const SHOWN_MAX = 300;

/** A bot's id, and what nobody can guess. */
const STATE = /^([\w.~-]{1,64})\.([\w-]{43})$/;

interface Begun {
  mode: Mode;
  used?: true;
}

const keyOf = (nonce: string): string => `consent.${nonce}`;

/** The addresses of ours to which the desk sends the browser back. */
export const returnPaths = ({ capabilities, consent }: Desk): string[] =>
  consent === undefined ? [] : [...new Set(capabilities.modes.map((mode) => consent.path(mode)))];

export interface ConsentCall {
  botId: string;
  desk: Desk;
  consent: Consent<unknown>;
  config: DeskConfig;
  mode: Mode;
}

/** Where the operator's browser has to go, and until when. */
export async function beginConsent(context: ApiContext, { botId, desk, consent, config, mode }: ConsentCall) {
  const nonce = randomBytes(32).toString('base64url');
  const begun: Begun = { mode };
  await context.store.memory(botId, desk.id, config).put(keyOf(nonce), begun, { ttlMs: STATE_TTL_MS });
  const redirectUri = context.config.publicUrl + consent.path(mode);
  return {
    url: consent.url(config, { redirectUri, state: `${botId}.${nonce}`, mode }),
    redirectUri,
    expiresAt: new Date(Date.now() + STATE_TTL_MS).toISOString(),
  };
}

export interface Returned {
  status: 200 | 400 | 502;
  page: Page;
}

/** The browser is back: checks that it is the one we sent, and lets the desk make tokens of the code. */
export async function finishConsent(
  context: ApiContext,
  desk: Desk,
  path: string,
  query: Record<string, string>,
): Promise<Returned> {
  const call = await claim(context, desk, path, query['state'] ?? '');
  if ('wrong' in call) return refused(desk, call.wrong);
  if (query['error'] !== undefined) return refused(desk, inWords(desk, query));
  const { consent, botId, config, mode, settings } = call;
  const redirectUri = context.config.publicUrl + path;
  let detail: string;
  try {
    const asked = { botId, desk, config, operation: 'consent', timeoutMs: FINISH_MS };
    ({ detail } = await callDesk(context, asked, (ctx) => consent.finish(ctx, { query, redirectUri, mode })));
  } catch (error) {
    const failure = failureOf(context, desk.id, error, `What ${desk.title} has sent back could not be used.`);
    return failed(desk, isRefusal(error) ? 400 : 502, [failure.detail, ...fieldLine(failure.field), AGAIN]);
  }
  const result = await verifyDesk(context, botId, settings);
  if (result === undefined) return refused(desk, WRONG.changed);
  await context.store.bots.setService(botId, desk.id, serviceOf(result));
  return checked(desk, botId, detail, result);
}

const AGAIN = 'Nothing else has changed. Begin again in the settings of the bot.';

const WRONG = {
  unknown: 'This address is not one that Baton has sent you to, or its 10 minutes are over.',
  used: 'This address has been used already: each is good for one time.',
  elsewhere: 'This address belongs to another kind of connection of this desk.',
  changed: 'The bot has another desk or another mode by now.',
};

type Claimed = ConsentCall & { settings: BotSettings };

/** What the state stands for; it is used up before anything else happens. */
async function claim(
  { store }: ApiContext,
  desk: Desk,
  path: string,
  state: string,
): Promise<Claimed | { wrong: string }> {
  const [, botId, nonce] = STATE.exec(state) ?? [];
  const { consent } = desk;
  if (botId === undefined || nonce === undefined || consent === undefined) return { wrong: WRONG.unknown };
  const config = await store.bots.desk(botId, desk.id);
  if (config === undefined) return { wrong: WRONG.unknown };
  const begun = await useUp(store.memory(botId, desk.id, config), keyOf(nonce));
  if (begun === undefined) return { wrong: WRONG.unknown };
  if (begun.used === true) return { wrong: WRONG.used };
  if (consent.path(begun.mode) !== path) return { wrong: WRONG.elsewhere };
  const both = await store.bots.withSecrets(botId);
  const settings = both && asOnlyDesk(both, both.secondDesk?.kind === desk.id ? 'second' : 'first');
  if (settings?.desk?.kind !== desk.id || settings.mode !== begun.mode) return { wrong: WRONG.changed };
  return { botId, desk, consent, config, mode: begun.mode, settings };
}

/** As it was before: of two browsers at once one finds it unused. Kept to its end, to tell a used one from an unknown. */
async function useUp(memory: DeskMemory, key: string): Promise<Begun | undefined> {
  // Not only under the lock: there is nothing to write for what anybody may make up.
  if ((await memory.get<Begun>(key)) === undefined) return undefined;
  let found: Begun | undefined;
  await memory.update<Begun>(
    key,
    async (now) => {
      found = now;
      return { mode: now?.mode ?? 'external', used: true };
    },
    { ttlMs: STATE_TTL_MS },
  );
  return found;
}

/** RFC 6749, 4.1.2.1. */
function inWords({ title }: Desk, { error = '', error_description: more }: Record<string, string>): string {
  if (error === 'access_denied') {
    return `You or ${title} have said no: the access that Baton asks for was not given.`;
  }
  const said = more === undefined ? error : `${error} (${more})`;
  return `${title} has refused: ${said.slice(0, SHOWN_MAX)}`;
}

const isRefusal = (error: unknown): boolean =>
  error instanceof DeskError && ['auth', 'rejected', 'not_found', 'conflict'].includes(error.kind);

const fieldLine = (field: string | undefined): string[] =>
  field === undefined ? [] : [`The field to look at: ${field}.`];

const failed = ({ title }: Desk, status: Returned['status'], lines: string[]): Returned => ({
  status,
  page: { title: `${title} is not connected`, lines },
});

const refused = (desk: Desk, why: string): Returned => failed(desk, 400, [why, AGAIN]);

function checked(desk: Desk, botId: string, detail: string, result: Verification): Returned {
  if (!result.ok) {
    const todo = 'Correct it, then verify the desk in the settings of the bot. The access itself is kept.';
    return {
      status: 502,
      page: {
        title: `${desk.title} has given access, but does not work yet`,
        lines: [result.detail, ...fieldLine(result.field), todo],
      },
    };
  }
  const lines = [detail, ...(result.detail === detail ? [] : [result.detail]), ...(result.warnings ?? [])];
  return {
    status: 200,
    page: { title: `${desk.title} is connected`, lines: [...lines, `Bot: ${botId}. You may close this page.`] },
  };
}
