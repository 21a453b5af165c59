// An editor: the official client library, driving `layercake agent --acp`. It is told what to do
// by its arguments, and prints what it was told, one JSON document a line.
//   acp.mjs PROGRAM CWD ANSWER PROMPT...    ANSWER: approve, reject or cancel
//   acp.mjs PROGRAM CWD load SESSION
import { spawn } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import { client, methods, ndJsonStream } from '@agentclientprotocol/sdk';

const [program, cwd, answer, ...prompts] = process.argv.slice(2);
const say = (what, it) => process.stdout.write(JSON.stringify({ what, ...it }) + '\n');
const agent = spawn(program, ['agent', '--acp', '--autonomy', 'suggest'], { cwd, stdio: ['pipe', 'pipe', 'inherit'] });

const stream = ndJsonStream(Writable.toWeb(agent.stdin), Readable.toWeb(agent.stdout));
let peer;
const editor = client({ name: 'tester' })
  .onRequest(methods.client.session.requestPermission, async ({ params }) => {
    say('permission', { title: params.toolCall.title, input: params.toolCall.rawInput });
    if (answer === 'cancel') {
      await peer.notify(methods.agent.session.cancel, { sessionId: params.sessionId });
      return { outcome: { outcome: 'cancelled' } };
    }
    const kind = answer === 'approve' ? 'allow_once' : 'reject_once';
    const option = params.options.find((it) => it.kind === kind);
    return { outcome: { outcome: 'selected', optionId: option.optionId } };
  })
  .onRequest(methods.client.fs.readTextFile, async ({ params }) => {
    say('read', { path: params.path });
    return { content: 'not saved yet' };
  })
  .onNotification(methods.client.session.update, async ({ params }) => { say('update', { update: params.update }); });

agent.on('exit', (code) => { say('ended', { code }); process.exit(0); });
await editor.connectWith(stream, async (ctx) => {
peer = ctx;
const greeting = await peer.request(methods.agent.initialize, {
  protocolVersion: 1, clientCapabilities: { fs: { readTextFile: true, writeTextFile: true } },
});
say('greeting', greeting);
if (answer === 'load') {
  say('loaded', await peer.request(methods.agent.session.load, { sessionId: prompts[0], cwd, mcpServers: [] }));
} else {
  const session = await peer.request(methods.agent.session.new, { cwd, mcpServers: [] });
  say('session', session);
  for (const text of prompts) {
    const prompt = [{ type: 'text', text }];
    if (text.includes('file')) prompt.push({ type: 'resource_link', uri: `file://${cwd}/draft.txt`, name: 'draft.txt' });
    say('stopped', await peer.request(methods.agent.session.prompt, { sessionId: session.sessionId, prompt }));
  }
}
});
agent.stdin.end();
