import type { SandboxFile } from '../desk-sandbox.ts';
import type { Conversation, Fields, Files, Line, Operator, Visitor } from './model.ts';
import { isOpen, newHexId, newId } from './model.ts';
import { completedView, messageView, ownerView } from './views.ts';
import { freeOperator, operatorCalled, type World } from './world.ts';

/** Tells of something that has happened in a conversation. */
export type Emit = (event: string, conversation: Conversation, fields: Fields) => void;

export interface Beginning {
  visitor: Visitor;
  appId: string;
  departmentId?: string;
  /** The visitor's first words; no event tells of them. */
  question: string;
  files?: Files;
  customerInfo?: Fields;
  /** Shown to the operator before the question. */
  past?: { from: 'user' | 'bot'; name: string; text: string }[];
  ringsMs?: number;
  /** The bot of the app has it first. */
  withBot: boolean;
}

/** What happens in chats; each step tells what SalesIQ tells of it. */
export interface Talks {
  begin(beginning: Beginning): Conversation;
  visitorSays(conversation: Conversation, text: string, files?: Files): void;
  /** One message: the file with a comment. */
  visitorUploads(conversation: Conversation, comment: string, file: SandboxFile): void;
  operatorSays(conversation: Conversation, operator: Operator, text: string, files?: Files): void;
  botSays(conversation: Conversation, text: string, files?: Files): void;
  note(conversation: Conversation, text: string, files?: Files): void;
  pickUp(conversation: Conversation, operator: Operator): void;
  /** To an operator, who accepts at once. */
  transfer(conversation: Conversation, operator: Operator): void;
  /** The bot gives it to the humans. */
  forward(conversation: Conversation, departmentId: string | undefined): void;
  complete(conversation: Conversation, endedBy: 'agent' | 'visitor' | 'system'): void;
  miss(conversation: Conversation): void;
  /** The operators know of it, and it goes on. */
  isWithHumans(conversation: Conversation): boolean;
}

/** Who writes when nobody says who. */
export const operatorOf = (world: World, conversation: Conversation): Operator =>
  conversation.owner ?? freeOperator(world, conversation.departmentId) ?? operatorCalled(world, 'Mara');

export function createTalks(world: World, emit: Emit): Talks {
  function add(conversation: Conversation, line: Omit<Line, 'id' | 'files'>, files: Files = []): Line {
    const added = { ...line, id: world.tick(), files: [...files] };
    conversation.lines.push(added);
    conversation.modifiedTime = Number(added.id);
    return added;
  }

  const visitorLine = ({ visitor }: Conversation, text: string) =>
    ({ from: 'user', text, senderId: `$${visitor.id}`, senderName: visitor.name }) as const;
  const botLine = (text: string) =>
    ({ from: 'bot', text, senderId: world.bot.id, senderName: world.bot.name }) as const;

  /** A text, then each file by itself; an empty text is none. */
  function say(conversation: Conversation, line: Omit<Line, 'id' | 'files'>, files: Files): Line[] {
    const said = line.text === '' && files.length > 0 ? [] : [add(conversation, line)];
    return [...said, ...files.map((file) => add(conversation, { ...line, text: '' }, [file]))];
  }

  function attend(conversation: Conversation, operator: Operator): void {
    conversation.state = 'connected';
    conversation.owner = operator;
    conversation.participants.add(operator.id);
    conversation.attendedTime ??= world.now();
    conversation.ringsUntil = undefined;
    emit('conversation.attender.updated', conversation, { owner: ownerView(operator) });
  }

  const talks: Talks = {
    isWithHumans: ({ state }) => state === 'waiting' || state === 'connected',
    begin({ visitor, appId, departmentId, question, files = [], customerInfo = {}, past = [], ringsMs, withBot }) {
      const startTime = world.now();
      const id = world.switches.preview ? `botpreview_${newHexId(8)}` : newId();
      const conversation: Conversation = {
        id,
        hexId: newHexId(),
        chatId: newHexId(20),
        referenceId: String(1_200 + world.conversations.size),
        appId,
        departmentId,
        question,
        visitor,
        customerInfo,
        state: withBot ? 'bot' : 'waiting',
        owner: undefined,
        participants: new Set(),
        startTime,
        modifiedTime: startTime,
        attendedTime: undefined,
        endTime: undefined,
        endedBy: undefined,
        ringsUntil: ringsMs === undefined ? undefined : startTime + ringsMs,
        lines: [],
      };
      world.conversations.set(id, conversation);
      const info = Object.entries(customerInfo).map(([name, value]) => `${name}: ${String(value)}`);
      const system = { senderId: 'system', senderName: 'SalesIQ' };
      // What the operator sees beside the chat.
      if (info.length > 0) add(conversation, { from: 'note', text: info.join('\n'), ...system });
      for (const { from, name, text } of past) {
        add(conversation, { ...(from === 'bot' ? botLine(text) : visitorLine(conversation, text)), senderName: name });
      }
      say(conversation, visitorLine(conversation, question), files);
      emit('conversation.created', conversation, { question, department_id: departmentId });
      return conversation;
    },
    visitorSays(conversation, text, files = []) {
      const lines = say(conversation, visitorLine(conversation, text), files);
      for (const line of talks.isWithHumans(conversation) ? lines : []) {
        emit('conversation.visitor.replied', conversation, messageView(conversation, line));
      }
    },
    visitorUploads(conversation, comment, file) {
      const line = add(conversation, visitorLine(conversation, comment), [file]);
      if (talks.isWithHumans(conversation)) {
        emit('conversation.visitor.replied', conversation, messageView(conversation, line));
      }
    },
    operatorSays(conversation, operator, text, files = []) {
      if (!isOpen(conversation)) return;
      if (conversation.state !== 'connected') attend(conversation, operator);
      else if (!conversation.participants.has(operator.id)) {
        conversation.participants.add(operator.id);
        emit('conversation.participants.added', conversation, { participants: [operator.id] });
      }
      const author = { from: 'agent', text, senderId: operator.id, senderName: operator.name } as const;
      for (const line of say(conversation, author, files)) {
        emit('conversation.operator.replied', conversation, messageView(conversation, line));
      }
    },
    botSays(conversation, text, files = []) {
      const line = add(conversation, botLine(text), files);
      emit('conversation.operator.replied', conversation, messageView(conversation, line));
    },
    note(conversation, text, files = []) {
      const author = operatorOf(world, conversation);
      const line = { from: 'note', text, senderId: author.id, senderName: author.name } as const;
      for (const { id, text: note } of say(conversation, line, files)) {
        emit('conversation.note.added', conversation, { note: { id, text: note }, creator: { id: author.id } });
      }
    },
    pickUp: attend,
    transfer(conversation, operator) {
      if (!isOpen(conversation)) return;
      if (conversation.owner !== undefined) {
        const way = { from: ownerView(conversation.owner), to: ownerView(operator) };
        emit('conversation.transfer.initiated', conversation, { transfer: way });
        emit('conversation.transfer.accepted', conversation, { transfer: way });
      }
      attend(conversation, operator);
    },
    forward(conversation, departmentId) {
      conversation.state = 'waiting';
      conversation.departmentId = departmentId;
    },
    complete(conversation, endedBy) {
      if (!isOpen(conversation)) return;
      conversation.state = 'closed';
      conversation.endTime = Number(world.tick());
      conversation.endedBy = endedBy;
      emit('conversation.completed', conversation, completedView(conversation));
    },
    miss(conversation) {
      if (conversation.state !== 'waiting') return;
      conversation.state = 'missed';
      conversation.endTime = Number(world.tick());
      emit('conversation.missed', conversation, {
        question: conversation.question,
        department_id: conversation.departmentId,
        missed_time: String(conversation.endTime),
        status: 'Missed',
      });
    },
  };
  return talks;
}
