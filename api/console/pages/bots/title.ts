import { useEffect } from 'preact/hooks';

/** What the browser calls the page while it is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Baton`;
    return () => {
      document.title = 'Baton';
    };
  }, [title]);
}
