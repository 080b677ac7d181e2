import type { Keys } from '../main.ts';

import { DEMO_BOT } from './demo.ts';

export interface BannerOptions {
  address: string;
  temporalUi: string | undefined;
  operator: Keys['operator'];
  playground: boolean;
  /** With a data folder and the playground: the curls for the bot `demo`, with the key in them as they stand. */
  demo: boolean;
  startedInMs: number;
}

/** What a start says, within one screen. The links sign their reader in, when the key is printed here all the same. */
export function banner(o: BannerOptions): string {
  const key = o.operator.path
    ? `${o.operator.value}${o.operator.fresh ? '' : `   (kept in ${o.operator.path})`}`
    : 'as given in BATON_OPERATOR_KEY';
  const signedIn = o.operator.path ? `#key=${encodeURIComponent(o.operator.value)}` : '';
  const lines = [
    '',
    `Baton is ready (${(o.startedInMs / 1000).toFixed(1)} s)`,
    '',
    ...(o.playground ? [`  Playground     ${o.address}/playground${signedIn}`] : []),
    `  Console        ${o.address}/${signedIn}`,
    `  Operator key   ${key}`,
    ...(o.temporalUi ? [`  Temporal UI    ${o.temporalUi}`] : []),
    `  API docs       ${o.address}/docs`,
    '',
  ];
  return [...lines, ...(o.demo ? curls(o) : []), 'Ctrl-C stops everything.', ''].join('\n');
}

function curls({ address, operator }: BannerOptions): string[] {
  const key = operator.path ? operator.value : '$BATON_OPERATOR_KEY';
  const handoff = {
    botId: DEMO_BOT,
    conversationId: 'demo-1',
    channel: 'api',
    user: { id: 'u1', email: 'ann@example.com' },
    question: 'Where is my order?',
    history: [],
  };
  return [
    `Start a handoff (bot "${DEMO_BOT}", a sandbox desk whose scripted agent answers):`,
    '',
    `  curl -s ${address}/v1/handoffs -H "Authorization: Bearer ${key}" \\`,
    `    -H "Content-Type: application/json" -d '${JSON.stringify(handoff)}'`,
    '',
    'Watch its events:',
    '',
    `  curl -sN "${address}/v1/bots/${DEMO_BOT}/events?after=start" -H "Authorization: Bearer ${key}" -H "Accept: text/event-stream"`,
    '',
  ];
}
