import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Dealer, Subscriber } from 'zeromq';

export const ROOT = resolve(__dirname, '..', '..');
const LAUNCHER = join(ROOT, 'lib/notebook/jupyter/kernels/med42/launcher.js');
const STOCK = join(ROOT, 'node_modules/tslab/bin/tslab');

export type Kind = 'ours' | 'stock tslab';

export interface Message {
  readonly type: string;
  readonly parent: string;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it depends on the type of the message.
  readonly content: any;
}

export interface Ran {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly reply: any;
  /** What was published for the cell, in order. */
  readonly published: readonly Message[];
  /** All that was printed. */
  readonly printed: string;
  /** The text of the last expression. */
  readonly result: string | undefined;
}

export interface Kernel {
  readonly process: ChildProcess;
  /** Sends a cell; the promise is kept when both its reply and its idle status have come. */
  run(code: string): Promise<Ran>;
  /** Kept when a published message fits. */
  published(fits: (message: Message) => boolean): Promise<Message>;
  ask(channel: 'shell' | 'control', type: string, content: object): Promise<Message>;
  stop(): void;
}

/** How a kernel is started, by any parent. */
export const commandOf = (kind: Kind, connectionFile: string): string[] =>
  kind === 'ours' ? [LAUNCHER, connectionFile] : [STOCK, 'kernel', '--config-path', connectionFile];

export async function connection(): Promise<{ readonly file: string; readonly ports: readonly number[]; key: string }> {
  const ports = await freePorts(5);
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports;
  const key = randomUUID();
  const file = join(mkdtempSync(join(tmpdir(), 'kernel-')), 'connection.json');
  writeFileSync(
    file,
    JSON.stringify({
      ...{ shell_port, iopub_port, stdin_port, control_port, hb_port, key },
      ...{ ip: '127.0.0.1', transport: 'tcp', signature_scheme: 'hmac-sha256', kernel_name: '' },
    }),
  );
  return { file, ports, key };
}

/** All are held until the last is found, so that none comes twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/**
 * Starts a kernel in notebooks/, as Jupyter does, and waits until it answers. Another process may take a port between its
 * choice and its use; Jupyter then starts anew, and so does this.
 */
export async function startKernel(kind: Kind): Promise<Kernel> {
  for (let tries = 1; ; tries++) {
    const kernel = await tryKernel(kind);
    if (kernel) return kernel;
    if (tries === 5) throw new Error(`a kernel of kind ${kind} ended ${tries} times before it answered`);
  }
}

/** @returns undefined where the kernel ends before it answers */
async function tryKernel(kind: Kind): Promise<Kernel | undefined> {
  const { file, ports, key } = await connection();
  const child = spawn(process.execPath, commandOf(kind, file), {
    cwd: join(ROOT, 'notebooks'),
    env: { ...process.env, JPY_PARENT_PID: String(process.pid) },
    stdio: ['ignore', 'ignore', 'inherit'],
    // A group of its own, which an interrupt goes to as a whole.
    detached: true,
  });
  const shell = new Dealer({ linger: 0 });
  const control = new Dealer({ linger: 0 });
  const iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  shell.connect(`tcp://127.0.0.1:${ports[0]}`);
  control.connect(`tcp://127.0.0.1:${ports[3]}`);
  iopub.connect(`tcp://127.0.0.1:${ports[1]}`);
  iopub.subscribe();

  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  const listen = async (socket: AsyncIterable<Buffer[]>) => {
    for await (const frames of socket) {
      messages.push(read(frames));
      for (const look of [...waiting]) look();
    }
  };
  for (const socket of [shell, control, iopub]) listen(socket as AsyncIterable<Buffer[]>).catch(() => {});
  const found = (fits: (message: Message) => boolean): Promise<Message> =>
    new Promise((done) => {
      const look = () => {
        const message = messages.find(fits);
        if (!message) return;
        waiting.delete(look);
        done(message);
      };
      waiting.add(look);
      look();
    });
  const send = async (socket: Dealer, type: string, content: object): Promise<string> => {
    const msg_id = randomUUID();
    const header = { msg_id, session: 'test', username: 'test', date: '', msg_type: type, version: '5.3' };
    const parts = [header, {}, {}, content].map((part) => JSON.stringify(part));
    const hmac = createHmac('sha256', key);
    for (const part of parts) hmac.update(part);
    await socket.send(['<IDS|MSG>', hmac.digest('hex'), ...parts]);
    return msg_id;
  };
  const ask = async (channel: 'shell' | 'control', type: string, content: object): Promise<Message> => {
    const id = await send(channel === 'shell' ? shell : control, type, content);
    const reply = type.replace('request', 'reply');
    return found((message) => message.parent === id && message.type === reply);
  };
  const stop = () => {
    for (const socket of [shell, control, iopub]) socket.close();
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has gone by itself.
    }
    rmSync(join(file, '..'), { recursive: true, force: true });
  };
  const run = async (code: string): Promise<Ran> => {
    const id = await send(shell, 'execute_request', { code, silent: false, store_history: true, stop_on_error: true });
    const reply = await found((message) => message.parent === id && message.type === 'execute_reply');
    const isIdle = (message: Message) => message.parent === id && message.content.execution_state === 'idle';
    await found(isIdle);
    const published = messages.filter((message) => message.parent === id && message.type !== 'execute_reply');
    messages.splice(0, messages.length, ...messages.filter((message) => message.parent !== id));
    return {
      reply: reply.content,
      published,
      printed: published.map(({ content }) => content.text ?? '').join(''),
      result: published.find(({ type }) => type === 'execute_result')?.content.data['text/plain'],
    };
  };
  // The subscription takes a moment to reach the kernel: asked until its status is heard.
  const ready = found((message) => message.type === 'status');
  const ended = once(child, 'exit').then(() => 'ended');
  // While nothing takes what was sent, the socket is busy with it.
  const asking = setInterval(() => send(shell, 'kernel_info_request', {}).catch(() => {}), 200);
  const first = await Promise.race([ready, ended]);
  clearInterval(asking);
  if (first === 'ended') {
    stop();
    return undefined;
  }
  return { process: child, run, published: found, ask, stop };
}

function read(frames: readonly Buffer[]): Message {
  const at = frames.findIndex((frame) => frame.toString() === '<IDS|MSG>');
  const part = (i: number) => JSON.parse(frames[at + i]!.toString());
  return { type: part(2).msg_type, parent: part(3).msg_id ?? '', content: part(5) };
}
