import { useEffect } from 'preact/hooks';

/** Where somebody was in the list when he went to one handoff. */
let left: { href: string; id: string; scrollY: number } = { href: '#/handoffs', id: '', scrollY: 0 };

export const leave = (id: string): void => {
  left = { href: location.hash, id, scrollY };
};

/** The list with the filters it had. */
export const backHref = (): string => left.href;

export const linkId = (id: string): string => `handoff-${id}`;

/** Whoever comes back from one handoff finds the list where he left it, with the focus on that handoff. */
export function useReturn(ready: boolean): void {
  useEffect(() => {
    if (!ready || left.id === '' || location.hash !== left.href) return;
    const link = document.getElementById(linkId(left.id));
    scrollTo(0, left.scrollY);
    link?.focus({ preventScroll: true });
    left = { ...left, id: '' };
  }, [ready]);
}
