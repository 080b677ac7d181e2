/** What the bot of the playground says. Plain data: it speaks the user's language, whatever the page around it does. */
const en = {
  greeting: 'Hello! I am the bot of a small shop. Ask me about opening hours, orders or refunds, or say “human”.',
  hello: 'Hello! What can I do for you?',
  hours: 'We are open Monday to Friday from 9 to 18, and on Saturday until 13.',
  order: 'I can look that up. What is your order number?',
  order_status: 'Order {number} left our warehouse yesterday. It should be with you tomorrow.',
  refunds: 'Send it back within 30 days. The money is on your account five working days after that.',
  thanks: 'You are welcome!',
  unknown: 'I do not know that. I know opening hours, orders and refunds. Or say “human”, and I ask a colleague.',
  calling: 'I am asking a colleague to join us.',
  refused: 'I could not reach a colleague: {reason}.',
  back: 'I am the bot again.',
  back_after: 'I am the bot again. Your colleague {agent} said: “{words}”. Anything else?',
  somebody: 'from our team',
  nobody_came: 'I am the bot again. Nobody was free, I am sorry. I can take your order number meanwhile.',
  left: 'Is there anything else that I can do meanwhile?',
  unreachable: 'I am the bot again. Our desk cannot be reached right now. Please try it later.',
};

const fr: typeof en = {
  greeting:
    'Bonjour ! Je suis le bot d’une petite boutique. Demandez-moi les horaires, une commande, un remboursement, ou dites « conseiller ».',
  hello: 'Bonjour ! Que puis-je faire pour vous ?',
  hours: 'Nous sommes ouverts du lundi au vendredi de 9 h à 18 h, et le samedi jusqu’à 13 h.',
  order: 'Je peux regarder. Quel est votre numéro de commande ?',
  order_status: 'La commande {number} a quitté notre entrepôt hier. Elle devrait arriver demain.',
  refunds: 'Renvoyez l’article sous 30 jours. L’argent est sur votre compte cinq jours ouvrés après.',
  thanks: 'Avec plaisir !',
  unknown:
    'Je ne sais pas. Je connais les horaires, les commandes et les remboursements. Ou dites « conseiller », et j’appelle un collègue.',
  calling: 'Je demande à un collègue de nous rejoindre.',
  refused: 'Je n’ai pas pu joindre un collègue : {reason}.',
  back: 'C’est de nouveau le bot.',
  back_after: 'C’est de nouveau le bot. Votre interlocuteur {agent} a dit : « {words} ». Autre chose ?',
  somebody: 'de notre équipe',
  nobody_came: 'C’est de nouveau le bot. Personne n’était libre, désolé. Donnez-moi toujours votre numéro de commande.',
  left: 'Puis-je faire autre chose pour vous en attendant ?',
  unreachable: 'C’est de nouveau le bot. Notre service est injoignable pour le moment. Réessayez plus tard.',
};

const ALL = { en, fr };
export type BotLanguage = keyof typeof ALL;
export type BotText = keyof typeof en;

export const botText = (language: BotLanguage, key: BotText, values: Record<string, string> = {}): string =>
  ALL[language][key].replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
