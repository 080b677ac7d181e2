import { useEffect, useRef } from 'preact/hooks';
import type { ComponentChildren, ComponentType } from 'preact';
import { session } from './lib/api.ts';
import { translator } from './lib/i18n.ts';
import { hrefTo, route } from './lib/router.ts';
import { resume, signOut } from './lib/session.ts';
import { Bots } from './pages/bots.tsx';
import { Handoffs } from './pages/handoffs.tsx';
import { Overview } from './pages/overview.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { Button } from './ui/button.tsx';
import { LanguageChoice } from './ui/language.tsx';
import { Loading, Said } from './ui/notes.tsx';

const t = translator({
  en: {
    overview: 'Overview',
    bots: 'Bots',
    handoffs: 'Handoffs',
    docs: 'API',
    skip: 'Skip to the content',
    sign_out: 'Sign out',
    sections: 'Sections',
    not_found: 'There is no such page.',
  },
  fr: {
    overview: 'Vue d’ensemble',
    bots: 'Bots',
    handoffs: 'Transferts',
    docs: 'API',
    skip: 'Aller au contenu',
    sign_out: 'Se déconnecter',
    sections: 'Rubriques',
    not_found: 'Cette page n’existe pas.',
  },
});

const PAGES: Record<string, ComponentType<{ path: string[] }>> = { '': Overview, bots: Bots, handoffs: Handoffs };
const SECTIONS = ['overview', 'bots', 'handoffs'] as const;

export function App() {
  useEffect(() => void resume(), []);
  if (session.value === 'unknown') return <Loading />;
  if (session.value === 'out') return <SignIn />;
  const [section = '', ...path] = route.value.path;
  const Page = PAGES[section];
  return <Shell section={section}>{Page ? <Page path={path} /> : <p>{t('not_found')}</p>}</Shell>;
}

function Shell({ section, children }: { section: string; children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault(); // The address is the page's.
          main.current?.focus();
        }}
      >
        {t('skip')}
      </a>
      <header class="bar">
        <a class="brand" href="#/">
          Baton
        </a>
        <nav aria-label={t('sections')}>
          {SECTIONS.map((name) => {
            const at = name === 'overview' ? '' : name;
            return (
              <a key={name} href={hrefTo(at)} aria-current={section === at ? 'page' : undefined}>
                {t(name)}
              </a>
            );
          })}
          <a href="/docs">{t('docs')}</a>
        </nav>
        <LanguageChoice />
        <Button onPress={signOut}>{t('sign_out')}</Button>
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        {children}
      </main>
      <Said />
    </>
  );
}
