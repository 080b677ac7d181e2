import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { Desk, DeskContext } from '../../activities/desks/desk.ts';
import type { Mode } from '../../workflows/contracts.ts';
import type { DeskSandbox } from '../../api/sandbox/desk-sandbox.ts';
import { testAbout } from './conformance/about.ts';
import { type DeskBench, type DeskFacts, sandboxBench } from './conformance/bench.ts';
import { testCrash } from './conformance/crash.ts';
import { testEchoes } from './conformance/echoes.ts';
import { testFailures } from './conformance/failures.ts';
import { testInbound } from './conformance/inbound.ts';
import { testNative } from './conformance/native.ts';
import { testOutbound } from './conformance/outbound.ts';
import { testSignatures } from './conformance/signatures.ts';
import { testSubscription } from './conformance/subscription.ts';
import { createStage, QUESTION } from './conformance/stage.ts';

export interface DeskUnderTest<C> {
  desk: Desk<C>;
  /** What only this desk knows of itself. */
  facts: DeskFacts;
  /** Its simulator, started for this mode: a sandbox, or a bench made by hand. */
  start(mode: Mode): DeskSandbox | Promise<DeskBench<C>>;
  /** Where it can be played; a desk that only asks for answers in native mode has tests of its own there. */
  modes?: readonly Mode[];
}

/**
 * What every desk must do, run against its simulator in every mode that it has. `[check n]` in a name is a number of the
 * list of negative checks that every desk has to stand.
 */
export function testDesk<C>({ desk, facts, start, modes = desk.capabilities.modes }: DeskUnderTest<C>): void {
  describe.each(modes)(`desk ${desk.id}, mode %s`, (mode) => {
    const stage = createStage(desk, mode, facts);

    beforeAll(async () => {
      const started = await start(mode);
      const isSandbox = 'plugin' in started;
      stage.start(isSandbox ? await sandboxBench(started, desk, facts, { mode, question: QUESTION }) : started);
      if (isSandbox) await facts.connect?.(stage.context() as DeskContext<never>, started, mode);
    });
    // What one test has switched on must not fail the next.
    afterEach(() => {
      stage.bench.clearFaults();
      stage.bench.inbound?.sandbox.webhooks({});
      stage.bench.inbound?.receiver.takeAll(false);
    });
    afterAll(() => stage.stop());

    testAbout(stage);
    testOutbound(stage);
    testFailures(stage);
    testCrash(stage);
    if (desk.webhook === undefined) return;
    testInbound(stage);
    testEchoes(stage);
    testSignatures(stage);
    if (desk.subscribe !== undefined) testSubscription(stage);
    if (mode === 'native') testNative(stage);
  });
}
