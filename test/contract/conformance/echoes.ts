import { describe, expect, it } from 'vitest';
import { keptOf, kindsOf, textsOf } from './inbound.ts';
import { CONTEXT, type Stage } from './stage.ts';

/** A desk tells us of everything that happens, of what we did too. */
export function testEchoes<C>(stage: Stage<C>): void {
  const { desk, mode, facts, context } = stage;
  const human = () => stage.inbound.sandbox.human;

  describe('echoes', () => {
    it('nothing that we do comes back as an event, whatever the operator has chosen [check 13]', async () => {
      const { receiver } = stage.inbound;
      receiver.takeAll(true);
      const to = await stage.talk();
      receiver.clear();
      const request = await stage.opening();
      const { deskConversationId } = await desk.open(context(), request);
      await desk.send(context(), stage.message(to, 2, 'An echo of ours'));
      await desk.send(context(), {
        ...stage.message(to, 3, 'With a file'),
        attachments: [{ url: 'https://files.example.org/a.png', name: 'a.png', contentType: 'image/png' }],
      });
      await desk.close(context(), stage.closing({ handoffId: request.handoffId, deskConversationId }));
      // Behind everything that we caused.
      await human().note(deskConversationId, 'Behind the close');
      await human().reply(to.deskConversationId, 'The last one');
      if (desk.capabilities.echoesOwnMessages && !stage.asks) await receiver.heard('An echo of ours');
      if (mode === 'native' && !stage.asks) await receiver.heard('With a file');
      receiver.takeAll(false);
      const events = keptOf(receiver.notices, mode).filter(({ deskConversationId: of, signal }) => {
        // The user's own message that begins a native conversation, and the human whom the desk chose.
        if (signal.kind === 'userMessage') return of !== request.deskConversationId;
        // Our own end: the handoff is over, so it changes nothing.
        if (facts.hidesWhoEnds && signal.kind === 'close') return of !== deskConversationId;
        const chooses = mode === 'native' || facts.tellsPickUp === true;
        return !(chooses && (signal.kind === 'agentChanged' || signal.kind === 'agentJoined'));
      });
      expect(textsOf(events)).toEqual(['The last one']);
      expect(kindsOf(events)).toEqual(['agentReply']);
    });

    it('the context is never an event, for whomever it is', async () => {
      const { receiver } = stage.inbound;
      receiver.clear();
      const { deskConversationId } = await stage.opened();
      await human().reply(deskConversationId, 'I have read it');
      expect(JSON.stringify(keptOf(receiver.notices, mode))).not.toContain(CONTEXT);
    });
  });
}
