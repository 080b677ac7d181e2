import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ErrorNote, Loading } from '../ui/notes.tsx';
import { BotList } from './bots/list.tsx';

/** `#/bots` is the list, `#/bots/shop` one bot. */
export function Bots({ path: [id] }: { path: string[] }) {
  return id === undefined ? <BotList /> : <LateEditor id={id} />;
}

let editor: FunctionComponent<{ id: string }> | undefined;

/** Most of the console's code is the editor of a bot: it is fetched when the first bot is opened. */
function LateEditor({ id }: { id: string }) {
  const [Editor, setEditor] = useState(() => editor);
  const [error, setError] = useState<unknown>();
  const load = (): void => {
    import('./bots/editor.tsx').then(({ BotEditor }) => {
      editor = BotEditor;
      setEditor(() => BotEditor);
    }, setError);
  };
  useEffect(() => {
    if (!editor) load();
  }, []);
  if (Editor) return <Editor key={id} id={id} />;
  // After an update of Baton the old page asks for a file that is gone: only a new page knows the new one.
  return error === undefined ? <Loading /> : <ErrorNote error={error} onRetry={() => location.reload()} />;
}
