import type { EventDraft, Fields } from './model.ts';
import { invalid, isFields, listField, objectField, textField } from './model.ts';
import type { World } from './world.ts';

/** Raw UTF-8 bytes of one message. */
const MAX_TEXT_BYTES = 16 * 1024;
const MAX_ELEMENTS = 10;
/** Namespaces of properties that every app may write; beyond these only its own. */
const PUBLIC_NAMESPACES = ['routing', 'test', 'status', 'rating'];

/** Reads one event of a request; only agents choose who sees it (`recipients` is the word of v3.4). */
export function readEvent(world: World, input: unknown, side: 'customer' | 'agent'): EventDraft {
  if (!isFields(input)) throw invalid('`event` must be object');
  const type = textField(input, 'type');
  const custom = input['custom_id'];
  if (custom !== undefined && typeof custom !== 'string') throw invalid('`custom_id` must be string');
  const visibility = side === 'agent' ? (input['visibility'] ?? input['recipients'] ?? 'all') : 'all';
  if (visibility !== 'all' && visibility !== 'agents') throw invalid('`visibility` must be all or agents');
  const properties = objectField(input, 'properties');
  checkProperties(world, properties);
  return {
    ...contentOf(world, type, input),
    type,
    visibility,
    ...(custom !== undefined && { custom_id: custom }),
    ...(Object.keys(properties).length > 0 && { properties }),
  };
}

/** The first events of a new thread. */
export const readEvents = (world: World, thread: Fields, side: 'customer' | 'agent'): EventDraft[] =>
  listField(thread, 'events').map((event) => readEvent(world, event, side));

function contentOf(world: World, type: string, event: Fields): Fields {
  switch (type) {
    case 'message': {
      const text = textField(event, 'text');
      if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw invalid('`text` is too long (16 KB)');
      return { text, ...(isFields(event['postback']) && { postback: event['postback'] }) };
    }
    case 'file': {
      const url = textField(event, 'url');
      const file = world.files.get(fileKey(url));
      if (file === undefined) throw invalid('`url` must point to the LiveChat CDN');
      const { alternative_text: alternative } = event;
      return {
        url,
        name: file.name,
        content_type: file.contentType,
        size: file.bytes.length,
        ...(typeof alternative === 'string' && { alternative_text: alternative }),
      };
    }
    case 'rich_message': {
      const elements = listField(event, 'elements');
      if (elements.length > MAX_ELEMENTS) throw invalid('`elements` has too many items');
      return { template_id: textField(event, 'template_id'), elements };
    }
    case 'custom':
      return { content: objectField(event, 'content') };
    default:
      throw invalid('`type` is not supported');
  }
}

/** An uploaded file is known by the last two parts of its address. */
export const fileKey = (url: string): string => url.split('/').slice(-2).join('/');

export function checkProperties(world: World, properties: Fields): void {
  for (const [namespace, values] of Object.entries(properties)) {
    if (!PUBLIC_NAMESPACES.includes(namespace) && namespace !== world.clientId) {
      throw invalid(`namespace \`${namespace}\` is not registered for this client`);
    }
    if (!isFields(values)) throw invalid(`properties of \`${namespace}\` must be object`);
  }
}
