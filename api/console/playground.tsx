import { render } from 'preact';
import { Playground } from './playground/app.tsx';
import { listenForEmail } from './playground/email.ts';

listenForEmail();
render(<Playground />, document.getElementById('app')!);
