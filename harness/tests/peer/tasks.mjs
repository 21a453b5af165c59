// A server of the 2026-07-28 era over standard streams whose one tool is carried out as a task
// that asks a person on the way. It writes what it does into the file that it is given, so that
// a test sees how often a call had its effect.
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const journal = process.argv[2];
const note = (line) => appendFileSync(journal, line + '\n');
const tasks = new Map();
const moment = '2026-11-20T12:00:00Z';
const task = (id, status, more) => ({
  resultType: 'complete', taskId: id, status, createdAt: moment, lastUpdatedAt: moment,
  ttlMs: 60000, pollIntervalMs: 50, ...more,
});
const ask = {
  method: 'elicitation/create',
  params: {
    mode: 'form', message: 'Which city?',
    requestedSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

const answers = {
  'server/discover': () => ({
    resultType: 'complete', supportedVersions: ['2026-07-28'], ttlMs: 0, cacheScope: 'private',
    capabilities: { tools: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } },
    serverInfo: { name: 'tasks', version: '1' },
  }),
  'tools/list': () => ({
    resultType: 'complete', ttlMs: 0, cacheScope: 'private',
    tools: [
      { name: 'travel', description: 'Travels', inputSchema: { type: 'object' } },
      { name: 'think', description: 'Thinks with your model', inputSchema: { type: 'object' } },
    ],
  }),
  'tools/call': ({ name, _meta }) => {
    if (name === 'think') {
      const params = { messages: [{ role: 'user', content: { type: 'text', text: 'Think!' } }], maxTokens: 9 };
      return { resultType: 'input_required', inputRequests: { a: { method: 'sampling/createMessage', params } } };
    }
    const id = `task-${_meta['layercake/idempotencyKey']}`;
    note(`begun ${id}`);
    tasks.set(id, {});
    return { ...task(id, 'working'), resultType: 'task' };
  },
  'tasks/get': ({ taskId }) => {
    // A task outlives the process that began it: its id says all that there is to know.
    const it = tasks.get(taskId) ?? {};
    if (it.city === undefined) return task(taskId, 'input_required', { inputRequests: { city: ask } });
    note(`arrived ${it.city}`);
    const result = { content: [{ type: 'text', text: `arrived in ${it.city}` }] };
    return task(taskId, 'completed', { result });
  },
  'tasks/update': ({ taskId, inputResponses }) => {
    tasks.set(taskId, { city: inputResponses.city.content?.city ?? 'nowhere' });
    return { resultType: 'complete' };
  },
  'tasks/cancel': ({ taskId }) => {
    note(`cancelled ${taskId}`);
    return { resultType: 'complete' };
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const answer = answers[method];
  const body = answer ? { result: answer(params ?? {}) } : { error: { code: -32601, message: 'unknown' } };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, ...body }) + '\n');
});
