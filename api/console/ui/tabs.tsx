import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';

export interface Tab {
  id: string;
  title: string;
  /** Something in it is wrong. */
  wrong?: boolean;
}

/** Tabs as the ARIA practices describe them: arrows move, Tab goes into the panel. */
export function Tabs(props: {
  label: string;
  tabs: Tab[];
  current: string;
  onChange(id: string): void;
  children: ComponentChildren;
}) {
  const base = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const edge = { Home: 0, End: props.tabs.length - 1 }[event.key];
    if (step === undefined && edge === undefined) return;
    event.preventDefault();
    const at = props.tabs.findIndex(({ id }) => id === props.current);
    const next = edge ?? (at + step! + props.tabs.length) % props.tabs.length;
    props.onChange(props.tabs[next]!.id);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
        {props.tabs.map(({ id, title, wrong }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`${base}-${id}`}
            aria-controls={`${base}-panel`}
            aria-selected={id === props.current}
            tabIndex={id === props.current ? 0 : -1}
            class={wrong ? 'wrong' : ''}
            onClick={() => props.onChange(id)}
          >
            {title}
            {wrong ? ' ⚠' : ''}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${props.current}`} tabIndex={0}>
        {props.children}
      </div>
    </div>
  );
}
