import { describe, expect, it } from 'vitest';
import { FAULTS, faultCalls, faultsOn, pressed, type Fault } from '../../api/console/playground/faults.ts';
import { asksForEmail, placesOf, seatOf } from '../../api/console/playground/places.ts';
import { mountSandboxes } from '../../api/sandbox/mount.ts';
import { desks } from '../../activities/desks/registry.ts';

const sandboxes = Object.keys(mountSandboxes({ address: 'http://127.0.0.1:1', controlToken: 'x' }).plugins);
const facts = desks.all().map(({ id, title, capabilities, consent }) => ({
  id,
  title,
  modes: capabilities.modes,
  consent: consent !== undefined,
}));
const places = placesOf(facts, sandboxes);

describe('the places of the playground', () => {
  it('are all desks in all of their modes, the plain one first', () => {
    expect(places.map(({ botId }) => botId).toSorted()).toEqual(
      facts.flatMap(({ id, modes }) => modes.map((mode) => `playground-${id}-${mode}`)).toSorted(),
    );
    expect(places[0]).toMatchObject({ desk: 'webhook', mode: 'external', inMessenger: false });
    expect(new Set(places.map(({ desk }) => desk)).size).toBe(6);
  });

  it('have an account of their own, on a channel that the desk serves', () => {
    expect(new Set(places.map(({ sandbox }) => sandbox)).size).toBe(places.length);
    for (const { desk, channels, inMessenger } of places) {
      const { ownChannels = [], externalChannels } = desks.get(desk) ?? {};
      const allowed = inMessenger ? [...ownChannels, ...(externalChannels ?? [])] : undefined;
      expect(channels.length).toBeGreaterThan(0);
      if (allowed) expect(allowed, desk).toEqual(expect.arrayContaining([...channels]));
      else
        expect(
          ownChannels.filter((channel) => channels.includes(channel)),
          desk,
        ).toEqual([]);
    }
  });

  it('are none where there is no simulated desk', () => {
    expect(placesOf(facts, [])).toEqual([]);
    expect(placesOf(facts, ['webhook']).map(({ desk }) => desk)).toEqual(['webhook']);
  });

  it('know how an agent gives a conversation back, where that can be done', () => {
    const seats = places.map((place) => [place.botId, seatOf(place, { adminId: '7', agentEmail: 'bot@example.org' })]);
    expect(seats.filter(([, seat]) => seat !== undefined)).toEqual([
      ['playground-intercom-native', '7'],
      ['playground-livechat-native', 'bot@example.org'],
      ['playground-livedesk-native', 'Handoff Bot'],
    ]);
  });

  it('know which channels ask for an address', () => {
    expect(['widget', 'iframe', 'share', 'api', 'whatsapp'].map(asksForEmail)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('the faults of the playground', () => {
  const states: Fault[][] = [
    [],
    ...FAULTS.map((fault) => [fault]),
    ['down', 'twice'],
    ['slow', 'early'],
    ['early', 'twice'],
  ];

  it.each(states)('are read back from the sandbox as they were set: %s %s', (...names) => {
    const on = new Set(names.filter((name): name is Fault => FAULTS.includes(name)));
    const { faults, webhooks } = faultCalls(on);
    expect(faultsOn({ script: 'agent', faults, webhooks })).toEqual(on);
  });

  it('are switched by a press, and a desk that is down is not slow', () => {
    expect(pressed(new Set(['slow', 'twice']), 'down')).toEqual(new Set(['down', 'twice']));
    expect(pressed(new Set(['down']), 'slow')).toEqual(new Set(['slow']));
    expect(pressed(new Set(['down', 'twice']), 'down')).toEqual(new Set(['twice']));
  });
});
