import { render } from 'preact';

render(<h1>Playground</h1>, document.getElementById('app')!);
