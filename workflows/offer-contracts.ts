/** The words of what a user gets instead of a human now. Types and constants only. */

/** What is asked for: a human now, a message that agents answer later, or a human when the hours open next. */
export const REQUEST_KINDS = ['now', 'message', 'next_opening'] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** What a user may be offered when no human is there. */
export const OFFER_KINDS = ['message', 'next_opening'] as const satisfies RequestKind[];
export type OfferKind = (typeof OFFER_KINDS)[number];

/** Ready to be drawn as a button; `kind` is what the next request asks for. */
export interface Offer {
  kind: OfferKind;
  /** In the user's language; null: the bot has chosen to say nothing. */
  text: string | null;
}

/** What the end of a handoff may offer when nobody has answered. */
export interface HandoffOffers {
  message: boolean;
  /** From then on the hours are closed, so that there is an opening to wait for; null: never. */
  nextOpeningFromMs: number | null;
}
