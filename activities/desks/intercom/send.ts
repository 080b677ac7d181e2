import { splitText } from '../../text/split.ts';
import type { Attachment } from '../../../workflows/contracts.ts';
import type { OutboundMessage, Sent } from '../desk.ts';
import { actingAdmin, assign } from './admin.ts';
import { deskError } from './client.ts';
import type { Context } from './config.ts';
import { TEXT_MAX } from './external.ts';
import { holder } from './native.ts';
import { htmlLines } from './note.ts';
import { type Piece, post, readConversationById } from './parts.ts';
import { readProgress } from './state.ts';

/** What one reply may carry. */
const IMAGES_MAX = 10;

export async function send(ctx: Context, message: OutboundMessage): Promise<Sent> {
  const progress = await readProgress(ctx, message.handoffId);
  const work = {
    operation: 'send' as const,
    handoffId: message.handoffId,
    conversationId: message.deskConversationId,
    key: message.key,
    progress,
    ...message.parts,
    ...(message.maybeSent && { lookSinceMs: message.timestamp }),
  };
  const id = message.from === 'bot' ? await sendAsBot(ctx, message, work) : await sendAsUser(ctx, message, work);
  return id === undefined ? {} : { deskMessageId: id };
}

type Work = Omit<Parameters<typeof post>[1], 'pieces'>;

async function sendAsUser(ctx: Context, message: OutboundMessage, work: Work): Promise<string | undefined> {
  const known = work.progress.contact?.id;
  const conversation = known === undefined ? await readConversationById(ctx, 'send', work.conversationId) : undefined;
  const contactId = known ?? conversation?.contacts?.contacts[0]?.id;
  if (contactId === undefined) throw deskError('send', 'not_found', 'the conversation has no contact');
  return await post(ctx, {
    ...work,
    contactId,
    pieces: piecesOf(message, 'user'),
    ...(conversation && { conversation }),
  });
}

async function sendAsBot(ctx: Context, message: OutboundMessage, work: Work): Promise<string | undefined> {
  const adminId = await actingAdmin(ctx, 'send');
  const { conversationId } = work;
  const conversation = await readConversationById(ctx, 'send', conversationId);
  const has = holder(conversation, adminId);
  if (has === 'human') throw deskError('send', 'rejected', 'a human has the conversation');
  if (has === 'reopened') {
    await assign(ctx, { operation: 'send', conversationId, adminId, to: { type: 'admin', id: adminId } });
  }
  return await post(ctx, { ...work, adminId, pieces: piecesOf(message, 'admin'), conversation });
}

/** Pictures go with the last piece, as files; Intercom takes no others by address, so those are lines of the text. */
export function piecesOf({ text, attachments }: OutboundMessage, as: Piece['as']): Piece[] {
  const images = attachments.filter(isImage);
  const lines = attachments.filter((one) => !isImage(one)).map(lineOf);
  const written = [...(text === '' ? [] : [text]), ...lines].join('\n');
  const pieces: Piece[] = splitText(written, TEXT_MAX).map((piece) => pieceOf(as, piece));
  for (let at = 0; at < images.length; at += IMAGES_MAX) {
    const some = images.slice(at, at + IMAGES_MAX);
    const last = at === 0 ? pieces.pop() : undefined;
    // A comment needs a body.
    const piece = last ?? pieceOf(as, some.map(({ name }) => name ?? 'Picture').join(', '));
    pieces.push({ ...piece, images: some.map(({ url }) => url) });
  }
  return pieces;
}

const pieceOf = (as: Piece['as'], text: string): Piece => ({
  as,
  kind: 'comment',
  body: as === 'user' ? text : `<p>${htmlLines(text)}</p>`,
});

const lineOf = ({ name, url }: Attachment): string => (name === undefined ? url : `${name}: ${url}`);

function isImage({ contentType, url }: Attachment): boolean {
  if (contentType !== undefined) return /^image\/(?:png|jpe?g|gif|webp)\b/i.test(contentType);
  return URL.canParse(url) && /\.(?:png|jpe?g|gif|webp)$/i.test(new URL(url).pathname);
}
