import type { FastifyRequest } from 'fastify';
import { extname } from 'node:path';
import { invalid, LivechatError, newHexId } from './model.ts';
import { fileKey } from './events.ts';
import type { World } from './world.ts';

const MAX_FILE_BYTES = 10 * 1024 * 1024;
/** Above LiveChat's own limit, so that it is LiveChat's words that refuse. */
export const UPLOAD_BODY_LIMIT = 16 * 1024 * 1024;
const EXECUTABLES = ['.exe', '.bat', '.cmd', '.com', '.msi', '.scr', '.sh'];
/** Files are kept in memory: the oldest makes room. */
const MAX_FILES = 50;

/** Keeps the part `file` of a multipart body; gives back the address at which this simulator serves it. */
export async function upload(world: World, request: FastifyRequest): Promise<{ url: string }> {
  const file = await filePart(request);
  if (file.size > MAX_FILE_BYTES) throw new LivechatError('entity_too_large', 'Upload limit exceeded (10MB).');
  const name = file.name === '' ? 'file' : file.name;
  if (EXECUTABLES.includes(extname(name).toLowerCase())) throw invalid('Executable files are not allowed');
  const base = `${request.protocol}://${request.host}${request.url.split('/api/')[0] ?? ''}`;
  const url = `${base}/cdn/api/file/lc/att/${world.licenseId}/${newHexId()}/${encodeURIComponent(name)}`;
  const bytes = Buffer.from(await file.arrayBuffer());
  world.files.set(fileKey(url), { name, contentType: file.type || 'application/octet-stream', bytes });
  for (const key of world.files.keys()) {
    if (world.files.size <= MAX_FILES) break;
    world.files.delete(key);
  }
  return { url };
}

async function filePart(request: FastifyRequest): Promise<File> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data') || !Buffer.isBuffer(request.body)) {
    throw invalid('the body must be multipart/form-data');
  }
  const bytes = new Uint8Array(request.body);
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData().catch(() => undefined);
  const file = form?.get('file');
  if (!(file instanceof File)) throw invalid('`file` is required');
  return file;
}
