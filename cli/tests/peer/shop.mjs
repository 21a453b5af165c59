// A small MCP server of the older era: one tool that looks, one that sells.
import { createInterface } from 'node:readline';

const schema = { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] };
const answers = {
  initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'shop', version: '1' } }),
  'tools/list': () => ({ tools: [
    { name: 'price', description: 'Says a price', inputSchema: schema },
    { name: 'sell', description: 'Sells', inputSchema: schema },
  ] }),
  'tools/call': ({ name, arguments: { item } }) => ({
    content: [{ type: 'text', text: `${name} ${item}: 5, and ${process.env.SECRET ?? 'no secret'}` }],
  }),
};
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const answer = answers[method];
  const body = answer ? { result: answer(params) } : { error: { code: -32601, message: 'unknown' } };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, ...body }) + '\n');
});
