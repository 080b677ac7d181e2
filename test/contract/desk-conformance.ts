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
import { testMessenger, testNative } from './conformance/native.ts';
import { testOutbound } from './conformance/outbound.ts';
import { testRecent } from './conformance/recent.ts';
import { testSignatures } from './conformance/signatures.ts';
import { testSubscription } from './conformance/subscription.ts';
import { createStage, QUESTION } from './conformance/stage.ts';

export interface DeskUnderTest<C> {
  desk: Desk<C>;
  /** What only this desk knows of itself. */
  facts: DeskFacts;
  /** Its simulator, started for this mode: a sandbox, or a bench made by hand. */
  start(mode: Mode): DeskSandbox | Promise<DeskBench<C>>;
  /**
   * A mode in which the desk only asks for answers: nothing can be sent to it unasked, so what our side does there has
   * tests of its own, and the suite holds all that the desk tells against the rules.
   */
  asksIn?: Mode;
}

/**
 * What every desk must do, run against its simulator in every mode that it has. `[check n]` in a name is a number of the
 * list of negative checks that every desk has to stand.
 */
export function testDesk<C>({ desk, facts, start, asksIn }: DeskUnderTest<C>): void {
  describe.each(desk.capabilities.modes)(`desk ${desk.id}, mode %s`, (mode) => {
    const stage = createStage(desk, mode, facts, mode === asksIn);

    beforeAll(async () => {
      const started = await start(mode);
      const isSandbox = 'plugin' in started;
      stage.start(
        isSandbox
          ? await sandboxBench(started, desk, facts, { mode, question: QUESTION, memory: stage.memory })
          : started,
      );
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
    if (!stage.asks) {
      testOutbound(stage);
      testFailures(stage);
      testCrash(stage);
    }
    if (desk.webhook === undefined) return;
    testInbound(stage);
    testEchoes(stage);
    testSignatures(stage);
    if (desk.recent !== undefined && !stage.asks) testRecent(stage);
    if (desk.subscribe !== undefined) testSubscription(stage);
    if (mode === 'native') testMessenger(stage);
    if (mode === 'native' && !stage.asks) testNative(stage);
  });
}
