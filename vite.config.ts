import { consoleConfig } from './worker/local/console-config.ts';
import { CONSOLE } from './worker/local/console-sources.ts';

export default consoleConfig(CONSOLE);
