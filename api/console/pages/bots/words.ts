import { translator } from '../../lib/i18n.ts';
import type { Form } from './form.tsx';

/** Sentences of the editor as a whole; each tab has its own beside it. */
export const t = translator({
  en: {
    bots: 'Bots',
    general: 'General',
    desk: 'Desk',
    secondDesk: 'Second desk',
    hours: 'Hours',
    texts: 'Texts',
    callback: 'Callback',
    keys: 'Keys',
    tool: 'Tool',
    settings: 'Settings of the bot',
    saved: 'Saved.',
    saving: 'Saving…',
    discard: 'Discard',
    unsaved: 'Not saved yet: {tabs}',
    wrong: 'Not saved. {n} to correct:',
    contested: 'Somebody else has changed the same meanwhile: {fields}. Saving again puts your version in its place.',
    desk_answers: 'The desk accepts the credentials.',
    desk_refuses: 'The desk does not work with these settings.',
    secret_again: 'The address has changed: give this secret again, or remove it.',
    needed: 'Needed.',
    no_bot: 'There is no bot {id}.',
    back: 'All bots',
    enabled: 'Handoffs allowed',
    apiEnabled: 'Keys accepted',
    mode: 'Mode',
    trigger: 'When to call a human',
    waitTimeoutSeconds: 'Wait time',
    onWaitTimeout: 'After the wait time',
    inactivityTimeoutSeconds: 'Silence of the user',
    agentSilenceTimeoutSeconds: 'Silence of the agent',
    outOfHoursReply: 'Reply outside the hours',
    leaveMessage: 'Leave a message',
    connectAtOpening: 'Connect at the next opening',
    contextRounds: 'Rounds of the talk so far',
    defaultEmail: 'Default email',
    emailTimeoutSeconds: 'Time to give an email',
    conversationIdleSeconds: 'Idle conversation',
  },
  fr: {
    bots: 'Bots',
    general: 'Général',
    desk: 'Desk',
    secondDesk: 'Second desk',
    hours: 'Horaires',
    texts: 'Textes',
    callback: 'Callback',
    keys: 'Clés',
    tool: 'Outil',
    settings: 'Réglages du bot',
    saved: 'Enregistré.',
    saving: 'Enregistrement…',
    discard: 'Abandonner',
    unsaved: 'Pas encore enregistré : {tabs}',
    wrong: 'Pas enregistré. {n} à corriger :',
    contested:
      'Quelqu’un d’autre a modifié la même chose entre-temps : {fields}. Enregistrer de nouveau met votre version à sa place.',
    desk_answers: 'Le desk accepte les identifiants.',
    desk_refuses: 'Le desk ne fonctionne pas avec ces réglages.',
    secret_again: 'L’adresse a changé : redonnez ce secret ou retirez-le.',
    needed: 'Obligatoire.',
    no_bot: 'Il n’y a pas de bot {id}.',
    back: 'Tous les bots',
    enabled: 'Transferts permis',
    apiEnabled: 'Clés acceptées',
    mode: 'Mode',
    trigger: 'Quand appeler un humain',
    waitTimeoutSeconds: 'Temps d’attente',
    onWaitTimeout: 'Après l’attente',
    inactivityTimeoutSeconds: 'Silence de l’utilisateur',
    agentSilenceTimeoutSeconds: 'Silence de l’agent',
    outOfHoursReply: 'Réponse hors horaires',
    leaveMessage: 'Laisser un message',
    connectAtOpening: 'Mise en relation à l’ouverture',
    contextRounds: 'Tours de la conversation',
    defaultEmail: 'E-mail par défaut',
    emailTimeoutSeconds: 'Délai pour donner un e-mail',
    conversationIdleSeconds: 'Conversation inactive',
  },
});

export const TABS = ['general', 'desk', 'hours', 'texts', 'callback', 'keys', 'tool'] as const;
export type TabId = (typeof TABS)[number];

const PLACES: Record<string, TabId> = {
  desk: 'desk',
  secondDesk: 'desk',
  hours: 'hours',
  outOfHoursReply: 'hours',
  leaveMessage: 'hours',
  connectAtOpening: 'hours',
  texts: 'texts',
  callback: 'callback',
};

/** Where a field is edited. */
export const tabOf = (path: string): TabId => PLACES[path.split('.', 1)[0]!] ?? 'general';

type Sentence = Parameters<typeof t>[0];
const IN_TABS = new Set<string>(['hours', 'texts', 'callback', 'desk', 'secondDesk']);

/** What people call the field: `desk.url` is the title that the desk gives it. */
export function nameOf(path: string, { settings, desks }: Pick<Form, 'settings' | 'desks'>): string {
  const [first = '', second] = path.split('.');
  const config = first === 'desk' || first === 'secondDesk' ? settings[first] : undefined;
  const desk = desks.find(({ id }) => id === config?.kind);
  const title = desk?.fields.find(({ name }) => name === second)?.title;
  if (title !== undefined) return title;
  return IN_TABS.has(first) || second === undefined ? t(first as Sentence) : path;
}

/** The API's words, but for those that speak to programs. */
export function plainMessage(message: string): string {
  if (message.startsWith('"set"')) return t('secret_again');
  if (message === 'needed' || /received (null|undefined|NaN)$/.test(message)) return t('needed');
  return message;
}
