import { computed, signal } from '@preact/signals';

const hash = signal(location.hash);
addEventListener('hashchange', () => (hash.value = location.hash));

/** What stands behind the `#`: `/bots/shop?tab=hours` gives `['bots', 'shop']` and its query. */
export const route = computed(() => {
  const [path = '', search = ''] = hash.value.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path.split('/').filter(Boolean).map(decodeURIComponent),
    query: new URLSearchParams(search),
  };
});

export const hrefTo = (...path: string[]): string => `#/${path.map(encodeURIComponent).join('/')}`;

/** What stood behind the `#` was no page: it leaves the address bar and the history. */
export function forgetHash(): void {
  history.replaceState(null, '', location.pathname + location.search);
  hash.value = '';
}

export function go(href: string): void {
  location.hash = href;
}

/** Filters live in the address, so that a page can be reloaded, shared and left with the back button. */
export function setQuery(values: Record<string, string>): void {
  const [path = ''] = location.hash.split('?', 1);
  const kept = Object.entries(values).filter(([, value]) => value !== '');
  const search = kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`;
  history.replaceState(null, '', `${path === '' ? '#/' : path}${search}`);
  hash.value = location.hash;
}
