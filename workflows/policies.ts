/** Time-outs and retry policies in one place; the README's table of failures says the same. Milliseconds. */

/** A message that the desk does not take within this time becomes `message.failed`. */
export const MESSAGE_LIMIT_MS = 15 * 60_000;

/** A message whose time is nearly over still gets this long. */
export const LEAST_TRY_MS = 10_000;

/** How long a message that a user leaves is offered to a desk that is down; he has gone and waits for nothing. */
export const LEAVE_LIMIT_MS = 24 * 3_600_000;

/** How long we try to tell the desk that a handoff has ended. */
export const CLOSE_LIMIT_MS = 15 * 60_000;

/** The same for a handoff whose run is gone. */
export const FAREWELL_LIMIT_MS = 2 * 60_000;

/** How long a callback is tried for one event, before the bot's backend has to read it from the journal. */
export const CALLBACK_LIMIT_MS = 72 * 3_600_000;

/** A closed handoff leaves its last callbacks to a workflow of their own when they take longer than this. */
export const CALLBACK_DRAIN_MS = 2_000;

/** One try of a call to a desk or a callback may take this long (the HTTP time-out inside is 10 s). */
export const ATTEMPT_MS = 15_000;

/** A batch begins no further call after 20 s, so that its attempt ends within this. */
export const BATCH_ATTEMPT_MS = 45_000;

/** A quick try runs inside the workflow task, so it must end long before the task's 10 s. */
export const QUICK_ATTEMPT_MS = 4_000;

/** Asking the desk what it has, when a handoff ends or would: its user waits for that. */
export const LOOK_MS = 6_000;

/** The same with the wait for a worker: below the grace of an end. */
export const LOOK_LIMIT_MS = 8_000;

/** Quick rounds that may keep one workflow task open: new signals wait until it ends. */
export const QUICK_ROUNDS_IN_A_ROW = 10;

/** Deliveries that travel in one activity. */
export const BATCH = { journal: 200, desk: 20, callback: 20 } as const;

/** JSON characters of one batch, beyond which it ends: three of them share a payload, which may have 2 MiB. */
export const BATCH_CHARACTERS = 150_000;

/** The newest events that the callback loop keeps at hand; older ones are read from the journal. */
export const RECENT_EVENTS = 50;

/** Above this much waiting text a run goes on instead of handing it to the next one: a payload may have 2 MiB. */
export const CARRY_LIMIT_CHARACTERS = 400_000;

/** JSON characters that go to the next run of what is only remembered: ids, and events that the journal has as well. */
export const CARRY_MEMORY_CHARACTERS = 120_000;

/** Pauses stay short, because no try begins whose pause would pass the end of the wait time. */
export const OPEN_RETRY = { initialInterval: 500, backoffCoefficient: 1.5, maximumInterval: 3_000 } as const;

export const LEAVE_RETRY = { initialInterval: 500, backoffCoefficient: 2, maximumInterval: 120_000 } as const;

export const DESK_RETRY = { initialInterval: 500, backoffCoefficient: 2, maximumInterval: 30_000 } as const;

export const JOURNAL_RETRY = { initialInterval: 250, backoffCoefficient: 2, maximumInterval: 5_000 } as const;

export const CALLBACK_RETRY = { initialInterval: 1_000, backoffCoefficient: 2, maximumInterval: 300_000 } as const;
