import { describe, expect, it } from 'vitest';
import { answer, goesOn, type Tool } from '../../api/console/playground/bot.ts';
import { toolDefinition } from '../../api/tool.ts';
import type { Turn } from '../../workflows/contracts.ts';

const tool: Tool = toolDefinition('Call it when the user asks for a human.');
const said = (...texts: string[]): Turn[] => texts.map((text) => ({ role: 'user', text }));

describe('the bot of the playground', () => {
  it.each([
    ['When do you open?', /Monday to Friday/],
    ['Where is my order?', /order number/],
    ['It is 4471', /Order 4471 left/],
    ['Can I get a refund for my order?', /30 days/],
    ['Hello', /What can I do/],
    ['thanks', /welcome/],
    ['What is the meaning of life?', /do not know/],
  ])('answers %j', (text, words) => {
    const { says, call } = answer(text, [], tool, 'en');
    expect(says).toMatch(words);
    expect(call).toBeUndefined();
  });

  it.each([
    ['Quels sont vos horaires ?', /lundi/],
    ['Où est ma commande ?', /numéro de commande/],
    ['Bonjour', /Que puis-je/],
  ])('speaks French: %j', (text, words) => {
    expect(answer(text, [], tool, 'fr').says).toMatch(words);
  });

  it.each([
    'human',
    'I want to talk to an agent',
    'Is there a real person?',
    'un conseiller svp',
    'Je veux parler à quelqu’un',
  ])('calls the tool for %j', (text) => {
    const { call } = answer(text, [], tool, 'en');
    expect(call).toEqual({
      type: 'function',
      function: { name: tool.openai.function.name, arguments: { question: text } },
    });
  });

  it('gives the tool what it asks for, and no more', () => {
    const history = said('Where is my order?', 'lea@example.org is my address');
    const { parameters } = tool.openai.function;
    const given = answer('human', history, tool, 'en').call?.function.arguments;
    expect(given).toEqual({ question: 'human (lea@example.org is my address)', email: 'lea@example.org' });
    expect(Object.keys(parameters['properties'] as object)).toEqual(expect.arrayContaining(Object.keys(given ?? {})));
    expect(Object.keys(given ?? {})).toEqual(expect.arrayContaining(parameters['required'] as string[]));
  });

  it('asks with the question before, when the user only says that he wants a human', () => {
    const question = (text: string, ...before: string[]) =>
      answer(text, said(...before), tool, 'en').call?.function.arguments.question;
    expect(question('human', 'Where is my order?')).toBe('human (Where is my order?)');
    expect(question('A human should look at my broken parcel', 'Hello')).toBe(
      'A human should look at my broken parcel',
    );
    expect(question('human', 'agent', 'Hello')).toBe('human');
  });
});

describe('the bot that goes on', () => {
  const packet = { outcome: 'answered', agent: { name: 'Alex' }, lastWords: 'It comes tomorrow.' };

  it('has read what the agent has said last', () => {
    expect(goesOn(packet, 'en')).toContain('Alex said: “It comes tomorrow.”');
    expect(goesOn({ ...packet, agent: null }, 'fr')).toContain('« It comes tomorrow. »');
    const long = goesOn({ ...packet, lastWords: 'x'.repeat(1_000) }, 'en');
    expect(long.length).toBeLessThan(300);
  });

  it.each([
    ['abandoned', /Nobody was free/],
    ['timed_out', /Nobody was free/],
    ['desk_unavailable', /cannot be reached/],
    ['ended_by_bot', /^I am the bot again\.$/],
  ])('knows that nobody has answered: %s', (outcome, words) => {
    expect(goesOn({ outcome, agent: null, lastWords: null }, 'en')).toMatch(words);
  });
});
