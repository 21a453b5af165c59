// A client: the official client library, driving `layercake mcp`. It makes the calls that it is
// given as JSON, each [tool, arguments], all at once where the first argument is `together`.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [program, cwd, how, ...calls] = process.argv.slice(2);
const say = (it) => process.stdout.write(JSON.stringify(it) + '\n');
const transport = new StdioClientTransport({ command: program, args: ['mcp'], cwd, env: process.env, stderr: 'inherit' });
const client = new Client({ name: 'tester', version: '1' });
await client.connect(transport);
say({ tools: (await client.listTools()).tools.map((tool) => tool.name), about: client.getInstructions() });
const make = async (call) => {
  const [name, args] = JSON.parse(call);
  const result = await client.callTool({ name, arguments: args });
  const text = result.content[0].text;
  return { name, failed: result.isError ?? false, text, bytes: text.length };
};
if (how === 'together') {
  for (const done of await Promise.all(calls.map(make))) say(done);
} else {
  for (const call of calls) say(await make(call));
}
await client.close();
