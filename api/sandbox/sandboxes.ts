import type { DeskSandbox } from './desk-sandbox.ts';
import { createIntercomSandbox } from './intercom/index.ts';
import { createLivechatSandbox } from './livechat/index.ts';
import { createLivedeskSandbox } from './livedesk/index.ts';
import { createSobotSandbox } from './sobot/index.ts';
import { createZohoSalesiqSandbox } from './zoho-salesiq/index.ts';

/** Options that every simulator takes. */
export interface SandboxOptions {
  /** Bearer token of the control calls; none = open. */
  controlToken?: string;
  /** Under which Baton reaches the desk; default: as the caller of `_control/settings` names our host. */
  baseUrl?: string;
  /** How many calls and deliveries are remembered. */
  keep?: number;
  /** An account that has bought everything which the desk sells; default: a new one. */
  complete?: boolean;
}

/** The simulators of all desks that call our webhooks, by the desk's id. */
export const sandboxes: Readonly<Record<string, (options?: SandboxOptions) => DeskSandbox>> = {
  intercom: createIntercomSandbox,
  livechat: createLivechatSandbox,
  livedesk: createLivedeskSandbox,
  sobot: createSobotSandbox,
  'zoho-salesiq': createZohoSalesiqSandbox,
};
