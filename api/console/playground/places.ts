import type { Mode } from '../../../workflows/contracts.ts';

/** What the page needs to know of a desk, of what `GET /v1/desks` says. */
export interface DeskFacts {
  id: string;
  title: string;
  modes: readonly Mode[];
  /** A human has to allow Baton at the desk, in a browser. */
  consent: boolean;
}

/** A desk in one of its modes: a bot and a simulated account of their own. */
export interface Place {
  desk: string;
  title: string;
  mode: Mode;
  botId: string;
  /** Name of its sandbox below `/sandbox/`. */
  sandbox: string;
  /** The user writes in the desk's own messenger, and the bot speaks there through Baton. */
  inMessenger: boolean;
  /** The desk waits for the bot's answer in its call, so the bot can only speak when it is asked. */
  inTurns: boolean;
  consent: boolean;
  /** Channels that the user may be on; the first is the usual one. */
  channels: readonly string[];
}

/** `widget`, `iframe` and `share` ask for an unknown address, the others have none. */
const ELSEWHERE = ['api', 'widget', 'iframe', 'share', 'whatsapp'];
const WEB: readonly string[] = ['widget', 'iframe', 'share'];

/** Desks that serve their own messenger only, in what they call external mode. */
const OWN_ONLY: readonly string[] = ['sobot'];
const IN_TURNS: readonly string[] = ['sobot', 'zoho-salesiq'];

/** All that can be chosen; the desk that needs no words comes first. */
export function placesOf(desks: readonly DeskFacts[], sandboxes: readonly string[]): Place[] {
  const known = desks.filter(({ id }) => sandboxes.includes(id));
  const first = known.filter(({ id }) => id === 'webhook');
  return [...first, ...known.filter(({ id }) => id !== 'webhook')].flatMap(({ id, title, modes, consent }) =>
    modes.map((mode) => {
      const inMessenger = mode === 'native' || OWN_ONLY.includes(id);
      const own = `${id}-native`;
      return {
        desk: id,
        title,
        mode,
        botId: `playground-${id}-${mode}`,
        sandbox: mode === 'native' && sandboxes.includes(own) ? own : id,
        inMessenger,
        inTurns: inMessenger && IN_TURNS.includes(id),
        consent,
        channels: inMessenger ? [id] : ELSEWHERE,
      };
    }),
  );
}

/** Whether a handoff from this channel waits until the user's address is known. */
export const asksForEmail = (channel: string): boolean => WEB.includes(channel);

/** Under which name an agent gives a conversation back to the bot; undefined where that cannot be done. */
export function seatOf({ desk, mode }: Place, settings: Readonly<Record<string, unknown>>): string | undefined {
  if (mode !== 'native') return undefined;
  const seat = { intercom: settings['adminId'], livechat: settings['agentEmail'], livedesk: 'Handoff Bot' }[desk];
  return typeof seat === 'string' ? seat : undefined;
}
