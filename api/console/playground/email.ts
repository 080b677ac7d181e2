import { signal } from '@preact/signals';

const LOOKS_RIGHT = /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]{2,}$/;

/** The user's address, when the page that has the chat in it knows it. */
export const knownEmail = signal<string | undefined>(undefined);

export const isEmail = (text: string): boolean => LOOKS_RIGHT.test(text.trim());

/** From the address of the page (`?email=`), and from its scripts: `window.Baton.setEmail('lea@example.org')`. */
export function listenForEmail(): void {
  const setEmail = (address: unknown): void => {
    if (typeof address === 'string' && isEmail(address)) knownEmail.value = address.trim();
    else console.warn('Baton.setEmail wants an e-mail address.');
  };
  const given = new URLSearchParams(location.search).get('email');
  if (given !== null && isEmail(given)) knownEmail.value = given.trim();
  (window as unknown as { Baton: object }).Baton = { setEmail };
}
