import type { Desk } from '../activities/desks/desk.ts';
import { inOwnMessenger } from '../activities/desks/messenger.ts';
import { nextClosing, nextOpening } from '../activities/hours.ts';
import type { BotSettings } from '../activities/settings.ts';
import { resolveText } from '../activities/text/texts.ts';
import type { HandoffOffers, Offer, OfferKind } from '../workflows/contracts.ts';

/**
 * Whether users of the bot may get this instead of a human now. In a desk's own messenger neither: what the user writes
 * there is at the desk already, and the bot has the conversation until a handoff begins.
 */
export function isOffered(desk: Desk, settings: BotSettings, kind: OfferKind): boolean {
  if (inOwnMessenger(desk, settings)) return false;
  return kind === 'message' ? settings.leaveMessage && desk.capabilities.keepsMessages : settings.connectAtOpening;
}

/** What a user is offered who was refused at `nowMs`. */
export function offersNow(desk: Desk, settings: BotSettings, locale: string | undefined, nowMs: number): Offer[] {
  const kinds: OfferKind[] = [];
  if (isOffered(desk, settings, 'message')) kinds.push('message');
  const opens = nextOpening(settings.hours, nowMs) !== null;
  if (opens && isOffered(desk, settings, 'next_opening')) kinds.push('next_opening');
  return kinds.map((kind) => ({ kind, text: resolveText(`offer_${kind}`, settings.texts, locale) }));
}

/** What a handoff takes along, for its end. `fromMs`: when its desk is asked. */
export function offersLater(desk: Desk, settings: BotSettings, fromMs: number): HandoffOffers | undefined {
  const message = isOffered(desk, settings, 'message');
  const closes = isOffered(desk, settings, 'next_opening') ? nextClosing(settings.hours, fromMs) : null;
  if (!message && closes === null) return undefined;
  return { message, nextOpeningFromMs: closes === null ? null : Date.parse(closes) };
}
