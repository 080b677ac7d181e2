import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure } from '../../lib/api.ts';
import { hrefTo, route, setQuery } from '../../lib/router.ts';
import { ErrorNote, Loading } from '../../ui/notes.tsx';
import { Chip } from '../../ui/state.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { CallbackTab } from './callback.tsx';
import { DeskTab } from './desk.tsx';
import { useEditing, type Editing } from './editing.ts';
import { FormProvider } from './form.tsx';
import { GeneralTab } from './general.tsx';
import { HoursTab } from './hours.tsx';
import { KeysTab } from './keys.tsx';
import { SaveBar } from './save-bar.tsx';
import { TextsTab } from './texts.tsx';
import { useTitle } from './title.ts';
import { ToolTab } from './tool.tsx';
import { tabOf, t, TABS, type TabId } from './words.ts';

const PANELS = {
  general: GeneralTab,
  desk: DeskTab,
  hours: HoursTab,
  texts: TextsTab,
  callback: CallbackTab,
  keys: KeysTab,
  tool: ToolTab,
};
/** What is saved at once there has forms of its own. */
const UNSAVED_FREE: TabId[] = ['keys', 'tool'];

const isTab = (value: string | null): value is TabId => TABS.includes(value as TabId);

export function BotEditor({ id }: { id: string }) {
  useTitle(id);
  const heading = useRef<HTMLHeadingElement>(null);
  const { form, error, reload } = useEditing(id);
  useEffect(() => heading.current?.focus(), []);
  const isGone = error instanceof ApiFailure && error.status === 404;
  return (
    <>
      <header class="bot-head">
        <a href={hrefTo('bots')}>← {t('back')}</a>
        <div class="row">
          <h1 tabIndex={-1} ref={heading}>
            {id}
          </h1>
          {form ? <Chip value={form.bot.service.state} /> : null}
        </div>
      </header>
      {form ? <BotForm form={form} /> : null}
      {!form && isGone ? <p>{t('no_bot', { id })}</p> : null}
      {!form && error !== undefined && !isGone ? <ErrorNote error={error} onRetry={reload} /> : null}
      {!form && error === undefined ? <Loading /> : null}
    </>
  );
}

function BotForm({ form }: { form: Editing }) {
  const wanted = route.value.query.get('tab');
  const current = isTab(wanted) ? wanted : 'general';
  const show = useFocusOn(form, current);
  const Panel = PANELS[current];
  const isInForm = !UNSAVED_FREE.includes(current);
  const panel = (
    <>
      <Panel />
      <SaveBar form={form} onShow={show} isInForm={isInForm} />
    </>
  );
  return (
    <FormProvider value={form}>
      <Tabs label={t('settings')} tabs={tabsOf(form)} current={current} onChange={(tab) => setQuery({ tab })}>
        {isInForm ? (
          <form
            class="bot-form"
            noValidate
            autocomplete="off"
            onSubmit={(event) => {
              event.preventDefault();
              if (form.dirty && !form.saving) void form.save();
            }}
          >
            {panel}
          </form>
        ) : (
          panel
        )}
      </Tabs>
    </FormProvider>
  );
}

function tabsOf({ edits, problems }: Editing) {
  const changed = new Set(Object.keys(edits).map(tabOf));
  const wrong = new Set(problems.map(({ path }) => tabOf(path)));
  return TABS.map((id) => ({ id, title: changed.has(id) ? `${t(id)} •` : t(id), wrong: wrong.has(id) }));
}

/** Goes to the field at a path; by itself to the first wrong one after a save. */
function useFocusOn({ problems }: Editing, current: TabId): (path: string) => void {
  const [aim, setAim] = useState<string>();
  const show = (path: string): void => {
    setQuery({ tab: tabOf(path) });
    setAim(path);
  };
  const count = useRef(0);
  useEffect(() => {
    const first = problems[0];
    if (first && problems.length > count.current) show(first.path);
    count.current = problems.length;
  }, [problems]);
  useEffect(() => {
    if (aim === undefined || tabOf(aim) !== current) return;
    fieldAt(aim)?.focus();
    setAim(undefined);
  }, [aim, current]);
  return show;
}

/** The control of the path, or of the nearest one above it. */
function fieldAt(path: string): HTMLElement | null {
  const found = document.getElementsByName(path)[0];
  if (found) return found;
  const above = path.split('.').slice(0, -1).join('.');
  return above === '' ? null : fieldAt(above);
}
