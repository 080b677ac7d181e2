import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configFields, desks, secretFields } from '../../../activities/desks/registry.ts';
import type { Stage } from './stage.ts';

/** `manufacturer` of GPTBots, and the desks that we have besides. */
const WIRE_NAMES = ['Intercom', 'Webhook', 'LiveChat', 'SoBot', 'ZohoSalesIQ', 'LiveDesk', 'Omnichat'];

const sorted = (list: readonly string[]): string[] => [...list].toSorted();

export function testAbout<C>(stage: Stage<C>): void {
  const { desk, mode } = stage;

  describe('what it says about itself', () => {
    it('is one folder and one line in the registry', () => {
      expect(desks.get(desk.id)?.id).toBe(desk.id);
      expect(existsSync(new URL(`../../../activities/desks/${desk.id}/README.md`, import.meta.url))).toBe(true);
    });

    it('has a wire name of the enum, a page and a mode', () => {
      expect(WIRE_NAMES).toContain(desk.wireName);
      expect(URL.canParse(desk.docs)).toBe(true);
      expect(desk.capabilities.modes).toContain(mode);
      expect(desk.limits.textMax).toBeGreaterThan(0);
    });

    it('has a messenger of its own where it has the native mode', () => {
      if (desk.capabilities.modes.includes('native')) expect(desk.ownChannels).not.toEqual([]);
      expect(desk.externalChannels ?? ['any']).not.toEqual([]);
    });

    it('has a title and a description for every field of its config', () => {
      const fields = configFields(desk);
      expect(fields.length).toBeGreaterThan(0);
      for (const field of fields) {
        expect(field.title, field.name).toBeTruthy();
        expect(field.description, field.name).toBeTruthy();
      }
    });

    it('takes its own config, and no unknown field', () => {
      const { config } = stage.bench;
      expect(desk.config.safeParse(config).success).toBe(true);
      expect(desk.config.safeParse({ ...config, surprise: 1 }).success).toBe(false);
      expect(desk.config.safeParse(undefined).success).toBe(false);
    });

    it('has in its config what the mode needs, its secrets among it', () => {
      const given = Object.keys(stage.bench.config as object);
      const needed = configFields(desk).filter(({ required, requiredIn }) => required || requiredIn?.includes(mode));
      expect(given).toEqual(expect.arrayContaining(needed.map(({ name }) => name)));
      const { secretField, optional } = stage.facts.signature ?? {};
      expect(secretFields(desk)).toContain((optional ? undefined : secretField) ?? secretFields(desk)[0]);
    });

    it('tells the operator where to click and which events to choose, when it calls our webhooks', () => {
      const { webhook, capabilities } = desk;
      if (webhook === undefined) return expect(capabilities.signsWebhooks).toBe('none');
      const { where, topics } = webhook.guide(mode);
      expect(where.length).toBeGreaterThan(20);
      expect(topics.length).toBeGreaterThan(0);
      expect(sorted([...new Set(topics)])).toEqual(sorted(topics));
    });
  });
}
