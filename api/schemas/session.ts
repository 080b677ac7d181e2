import { z } from 'zod';
import { timestamp } from './common.ts';

export const sessionRequest = z
  .strictObject({ key: z.string().max(500).describe("The operator's key.") })
  .meta({ id: 'NewSession', examples: [{ key: 'op_…' }] });

export const session = z
  .object({ expiresAt: timestamp.nullable().describe('null: nobody is signed in.') })
  .meta({ id: 'Session', description: "The operator's session in a browser." });
