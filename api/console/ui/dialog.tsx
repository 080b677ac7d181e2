import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { tc } from '../lib/texts.ts';
import { Button } from './button.tsx';

/** A modal question. The browser keeps the focus inside, closes it on Escape and gives the focus back. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current!;
    shown.showModal();
    return () => shown.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button label={tc('close')} onPress={onClose}>
          ✕
        </Button>
      </header>
      {children}
    </dialog>
  );
}

/** Asks before something that cannot be taken back. */
export function Confirm(props: {
  title: string;
  text: string;
  yes: string;
  onYes: () => unknown;
  onClose: () => void;
}) {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <p>{props.text}</p>
      <div class="row end">
        <Button onPress={props.onClose}>{tc('cancel')}</Button>
        <Button kind="danger" onPress={props.onYes}>
          {props.yes}
        </Button>
      </div>
    </Dialog>
  );
}
