import type { Cells } from './cells';
import type { CellOutputs } from './output';
import { type QueuedSocket, queueSends, type Socket } from './sockets';
import { createStreamBuffer, type StreamBuffer } from './stream-buffer';
import { compiler, type Executor, JupyterHandlerImpl, type KernelMessage, type Sender, ZmqServer } from './tslab';

/** Long enough for requests that a client sent before it knew of an error to arrive. */
const DRAIN_MS = 30;

/** The compiler is loaded once Jupyter's first questions are answered: the first cell finds it ready. */
const WARM_UP_MS = 400;

/** Asked for by Jupyter, unknown to tslab. */
const EMPTY_REPLIES: Readonly<Record<string, object>> = {
  history_request: { status: 'ok', history: [] },
};

interface ExecuteContent {
  readonly code: string;
  readonly silent?: boolean;
  readonly store_history?: boolean;
  readonly stop_on_error?: boolean;
}

const SILENT: CellOutputs = { live: false, stream: () => {}, display: () => {}, result: () => {} };

/**
 * tslab's Jupyter server with its faults mended: nothing printed is lost, an `error` message and an execution count for
 * a cell that fails, queued cells after it answered as aborted and said so, later ones run; interrupt and shutdown.
 */
export class KernelServer extends ZmqServer {
  private readonly sockets: QueuedSocket[] = [];
  private readMessage: ((key: string, frames: Buffer[]) => KernelMessage) | undefined;
  private printed: StreamBuffer | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private warmUp: NodeJS.Timeout | undefined;
  private executionCount = 0;
  /** The cell that failed while others were waiting; those are not run. */
  private failedCell: number | undefined;
  private running: KernelMessage | undefined;

  /**
   * @param cells opened when first asked for: the compiler takes seconds to load, and Jupyter waits for an answer
   * @param onClosed called when all has been sent after a shutdown request
   */
  constructor(
    private readonly cells: () => Cells,
    connectionFile: string,
    private readonly onClosed: () => void,
  ) {
    super(new JupyterHandlerImpl(lazyExecutor(cells), false), connectionFile);
    for (const name of ['iopub', 'shell', 'control'] as const) this.mendSocket(name);
  }

  /** tslab makes its sockets in `init`; each is mended the moment it is there. */
  private mendSocket(name: 'iopub' | 'shell' | 'control'): void {
    let queued: QueuedSocket | undefined;
    Object.defineProperty(this, name, {
      get: () => queued,
      set: (socket: Socket) => {
        queued = queueSends(socket);
        this.sockets.push(queued);
      },
    });
  }

  override async handleShellMessage(sock: ZmqServer['shell'], ...frames: Buffer[]): Promise<void> {
    const type = messageType(frames);
    try {
      if (type === 'shutdown_request') return await this.shutDown(sock, frames);
      const answer = type === 'interrupt_request' ? { status: 'ok' } : EMPTY_REPLIES[type];
      if (answer === undefined && !KNOWN.has(type)) return;
      if (answer === undefined || !this.readMessage) return await super.handleShellMessage(sock, ...frames);
      const message = this.readMessage(this.connInfo.key, frames);
      if (type === 'interrupt_request') this.cells().interrupt();
      this.publishStatus('busy', message);
      this.send(sock, message, type.replace(/request$/, 'reply'), answer);
      this.publishStatus('idle', message);
    } catch (error) {
      process.stderr.write(`kernel: ${type} could not be answered: ${(error as Error).message}\n`);
    }
  }

  override publishStatus(status: string, parent: KernelMessage): void {
    this.readMessage ??= (
      parent.constructor as unknown as { fromRaw: NonNullable<KernelServer['readMessage']> }
    ).fromRaw;
    this.printed?.flush();
    super.publishStatus(status, parent);
    // A completion asked for meanwhile does not make the kernel idle.
    if (status === 'idle' && this.running && this.running !== parent) super.publishStatus('busy', this.running);
  }

  override handleKernelInfo(sock: Sender, message: KernelMessage): void {
    const stock = this.handler.handleKernel();
    this.send(sock, message, 'kernel_info_reply', {
      ...stock,
      status: 'ok',
      implementation: 'med42',
      banner: `TypeScript ${compiler.version} on Node ${process.version}. Research only, not for clinical decisions.`,
      language_info: { ...stock.language_info, version: compiler.version, nbconvert_exporter: 'script' },
    });
    clearTimeout(this.warmUp);
    this.warmUp = setTimeout(this.cells, WARM_UP_MS);
  }

  override handleCommInfoRequest(sock: ZmqServer['shell'], message: KernelMessage): void {
    this.send(sock, message, 'comm_info_reply', { status: 'ok', comms: {} });
  }

  override async handleExecute(sock: Sender, message: KernelMessage): Promise<void> {
    const cell = this.last.then(() => this.executeCell(sock, message));
    this.last = cell.catch(() => {});
    await cell;
  }

  private async executeCell(sock: Sender, message: KernelMessage): Promise<void> {
    const { code, silent = false, store_history = true, stop_on_error = true } = message.content as ExecuteContent;
    const publish = (type: string, content: object) => {
      if (!silent) this.publish(message, type, content);
    };
    if (this.failedCell !== undefined) {
      publish('stream', { name: 'stderr', text: `not run, because cell [${this.failedCell}] before it failed\n` });
      this.send(sock, message, 'execute_reply', { status: 'aborted' });
      return;
    }
    if (!silent && store_history) this.executionCount++;
    const execution_count = this.executionCount;
    publish('execute_input', { code, execution_count });
    this.running = message;
    // Jupyter is told that the cell began before the cell may take the event loop for itself.
    await new Promise((resolve) => setImmediate(resolve));
    const failure = await this.cells().run(code, silent ? SILENT : this.outputsOf(message, execution_count));
    if (failure) {
      if (stop_on_error) await this.holdQueue(execution_count);
      publish('error', failure);
      this.send(sock, message, 'execute_reply', { status: 'error', execution_count, ...failure });
    } else {
      this.printed?.flush();
      this.send(sock, message, 'execute_reply', { status: 'ok', execution_count, user_expressions: {}, payload: [] });
    }
    this.running = undefined;
  }

  /**
   * Requests that are here when a cell fails were sent on the understanding that it would not. They are found by taking
   * in what has come before the failure is told: whatever is sent afterwards is sent knowing of it, and run.
   */
  private async holdQueue(failedCell: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    this.failedCell = failedCell;
    const waiting = this.last;
    waiting.then(() => {
      this.failedCell = undefined;
    });
  }

  private outputsOf(message: KernelMessage, execution_count: number): CellOutputs {
    this.printed?.flush();
    const printed = createStreamBuffer((name, text) => this.send(this.iopub, message, 'stream', { name, text }));
    this.printed = printed;
    return {
      live: true,
      stream: printed.write,
      display: (content, update) => this.publish(message, update ? 'update_display_data' : 'display_data', content),
      result: (data) => this.publish(message, 'execute_result', { execution_count, data, metadata: {} }),
    };
  }

  private publish(parent: KernelMessage, type: string, content: object): void {
    this.printed?.flush();
    this.send(this.iopub, parent, type, content);
  }

  private send(sock: Sender, parent: KernelMessage, type: string, content: object): void {
    const message = parent.createReply();
    message.header.msg_type = type;
    message.content = content;
    message.signAndSend(this.connInfo.key, sock);
  }

  private async shutDown(sock: Sender, frames: Buffer[]): Promise<void> {
    const message = this.readMessage?.(this.connInfo.key, frames);
    if (message) {
      const { restart = false } = message.content as { restart?: boolean };
      this.publishStatus('busy', message);
      this.send(sock, message, 'shutdown_reply', { status: 'ok', restart });
      this.publishStatus('idle', message);
    }
    await Promise.all(this.sockets.map((socket) => socket.sent()));
    this.close();
    this.onClosed();
  }
}

/** As far as tslab's handler uses it. */
function lazyExecutor(cells: () => Cells): Executor {
  const executor = () => cells().executor;
  return {
    execute: (source) => executor().execute(source),
    inspect: (source, position) => executor().inspect(source, position),
    complete: (source, position) => executor().complete(source, position),
    interrupt: () => executor().interrupt(),
    reset: () => executor().reset(),
    get locals() {
      return executor().locals;
    },
    // The process ends: what was never opened is not opened for it.
    close: () => {},
  };
}

const KNOWN = new Set([
  'kernel_info_request',
  'execute_request',
  'is_complete_request',
  'inspect_request',
  'complete_request',
  'comm_info_request',
]);

/** The wire format: identities, a delimiter, the signature, then the header. */
function messageType(frames: readonly Buffer[]): string {
  const delimiter = frames.findIndex((frame) => frame.equals(Buffer.from('<IDS|MSG>')));
  const header = frames[delimiter + 2];
  return (JSON.parse(header?.toString() ?? '{}') as { msg_type?: string }).msg_type ?? '';
}
