import { tc } from '../../lib/texts.ts';
import { Button } from '../../ui/button.tsx';
import { ErrorNote, Note } from '../../ui/notes.tsx';
import type { Editing } from './editing.ts';
import { nameOf, t, tabOf } from './words.ts';

interface SaveBarProps {
  form: Editing;
  onShow: (path: string) => void;
  /** Inside the form its button is the one that Enter presses. */
  isInForm: boolean;
}

/** What is not saved yet, what is wrong with it, and the button. Stays in sight. */
export function SaveBar({ form, onShow, isInForm }: SaveBarProps) {
  if (!form.dirty && form.failure === undefined) return null;
  const { edits, contested } = form;
  const tabs = [...new Set(Object.keys(edits).map(tabOf))].map((id) => t(id)).join(', ');
  return (
    <div class="save-bar">
      {form.problems.length > 0 ? <Problems form={form} onShow={onShow} /> : null}
      {contested.length > 0 ? (
        <Note kind="warn">
          <p role="alert">{t('contested', { fields: contested.map((path) => nameOf(path, form)).join(', ') })}</p>
        </Note>
      ) : null}
      <ErrorNote error={form.failure} />
      {form.dirty ? (
        <div class="row spread">
          <p role="status">{form.saving ? t('saving') : t('unsaved', { tabs })}</p>
          <div class="row">
            <Button onPress={form.discard}>{t('discard')}</Button>
            <Button kind="main" {...(isInForm ? { type: 'submit' } : { onPress: form.save })}>
              {tc('save')}
            </Button>
          </div>
        </div>
      ) : null}
    </div>
  );
}

function Problems({ form, onShow }: { form: Editing; onShow: (path: string) => void }) {
  return (
    <Note kind="bad">
      <p role="alert">{t('wrong', { n: form.problems.length })}</p>
      <ul class="problems">
        {form.problems.map(({ path, message }) => (
          <li key={path + message}>
            <button type="button" class="link" onClick={() => onShow(path)}>
              {t(tabOf(path))}: {nameOf(path, form)}
            </button>{' '}
            {message}
          </li>
        ))}
      </ul>
    </Note>
  );
}
