import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];
const START_TIMEOUT_MS = 30_000;

/** Finds the browser's program; null if there is none, and tests that look at pages are skipped. */
export function findChromium(): string | null {
  const isThere = (name: string): boolean => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
  return NAMES.find(isThere) ?? null;
}

export interface View {
  widthPx: number;
  heightPx?: number;
  dark?: boolean;
  /** Renders the page for print. */
  print?: boolean;
}

interface Reply {
  id?: number;
  method?: string;
  sessionId?: string;
  params?: object;
  result?: object;
  error?: { message: string };
}

/** A real headless browser, driven over pipes: JSON messages, each terminated by a zero byte. */
export class Chromium {
  private readonly waiting = new Map<number, { resolve(result: object): void; reject(error: Error): void }>();
  private readonly listeners = new Set<(reply: Reply) => void>();
  private lastId = 0;
  private rest = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    const output = child.stdio[4] as Readable;
    output.setEncoding('utf8');
    output.on('data', (text: string) => this.take(text));
    child.on('exit', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('the browser ended'));
      this.waiting.clear();
    });
  }

  static async start(program: string): Promise<Chromium> {
    const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-chromium-'));
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', '--hide-scrollbars'];
    const args = [...flags, '--no-first-run', `--user-data-dir=${folder}`, 'about:blank'];
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
    const browser = new Chromium(spawn(program, args, { stdio: [...stdio], detached: true }), folder);
    const late = setTimeout(() => browser.child.kill('SIGKILL'), START_TIMEOUT_MS);
    await browser.send('Browser.getVersion');
    clearTimeout(late);
    return browser;
  }

  /** Opens the URL in a tab and waits until everything in it has run. */
  async open(url: string, view: View): Promise<Tab> {
    const { targetId } = (await this.send('Target.createTarget', { url: 'about:blank' })) as { targetId: string };
    const options = { targetId, flatten: true };
    const { sessionId } = (await this.send('Target.attachToTarget', options)) as { sessionId: string };
    const tab = new Tab(
      (method, params) => this.send(method, params, sessionId),
      (listener) => {
        const mine = (reply: Reply): void => {
          if (reply.sessionId === sessionId && reply.method !== undefined) listener(reply.method, reply.params ?? {});
        };
        this.listeners.add(mine);
        return () => this.listeners.delete(mine);
      },
    );
    await tab.show(url, view);
    return tab;
  }

  /** Ends the browser and all of its processes. */
  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      process.kill(-this.child.pid!, 'SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private send(method: string, params: object = {}, sessionId?: string): Promise<object> {
    const id = (this.lastId += 1);
    const answer = new Promise<object>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return answer;
  }

  private take(text: string): void {
    const parts = (this.rest + text).split('\0');
    this.rest = parts.pop()!;
    for (const part of parts) this.answer(JSON.parse(part) as Reply);
  }

  private answer(reply: Reply): void {
    for (const listener of [...this.listeners]) listener(reply);
    const waiting = this.waiting.get(reply.id ?? -1);
    if (waiting === undefined) return;
    this.waiting.delete(reply.id!);
    if (reply.error) waiting.reject(new Error(reply.error.message));
    else waiting.resolve(reply.result ?? {});
  }
}

type Send = (method: string, params?: object) => Promise<object>;
type Listen = (listener: (method: string, params: object) => void) => () => void;

export class Tab {
  /** Addresses that the page requested, besides its own. */
  readonly requests: string[] = [];
  /** Dialogs that the page opened, and errors of its scripts. */
  readonly dialogs: string[] = [];
  readonly errors: string[] = [];

  constructor(
    private readonly send: Send,
    private readonly listen: Listen,
  ) {}

  async show(url: string, { widthPx, heightPx = 900, dark = false, print = false }: View): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.send(`${domain}.enable`);
    await this.send('Emulation.setDeviceMetricsOverride', {
      width: widthPx,
      height: heightPx,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.send('Emulation.setEmulatedMedia', { media: print ? 'print' : '', features });
    await new Promise<void>((resolve, reject) => {
      this.listen((method, params) => {
        if (method === 'Page.loadEventFired') resolve();
        this.note(method, params as Record<string, never>, url);
      });
      this.send('Page.navigate', { url }).catch(reject);
    });
  }

  /** Evaluates an expression in the page; a promise is awaited. @throws Error with its message if it throws */
  async evaluate<T>(expression: string): Promise<T> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', options)) as {
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string }; text: string };
    };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Sends a mouse event at a point of the viewport, with the button down or not. */
  async mouse(type: 'mouseMoved' | 'mousePressed' | 'mouseReleased', x: number, y: number, clicks = 1): Promise<void> {
    const button = type === 'mouseMoved' ? {} : { button: 'left', clickCount: clicks };
    await this.send('Input.dispatchMouseEvent', { type, x, y, ...button });
  }

  async key(key: string): Promise<void> {
    for (const type of ['keyDown', 'keyUp']) await this.send('Input.dispatchKeyEvent', { type, key });
  }

  /** The whole page, up to the size that one picture may have, as PNG bytes. */
  async screenshot(clip?: { x: number; y: number; width: number; height: number }): Promise<Buffer> {
    const area = clip && { clip: { ...clip, scale: 1 } };
    const options = { format: 'png', captureBeyondViewport: true, ...area };
    const { data } = (await this.send('Page.captureScreenshot', options)) as { data: string };
    return Buffer.from(data, 'base64');
  }

  /** The page as PDF bytes. */
  async pdf(): Promise<Buffer> {
    const { data } = (await this.send('Page.printToPDF', { printBackground: false, preferCSSPageSize: false })) as {
      data: string;
    };
    return Buffer.from(data, 'base64');
  }

  private note(method: string, params: Record<string, never>, url: string): void {
    const { request, type, message, exceptionDetails, entry } = params as {
      request?: { url: string };
      type?: string;
      message?: string;
      exceptionDetails?: { exception?: { description?: string } };
      entry?: { level: string; text: string };
    };
    if (method === 'Network.requestWillBeSent' && request!.url !== url) this.requests.push(request!.url);
    if (method === 'Page.javascriptDialogOpening') {
      this.dialogs.push(`${type}: ${message}`);
      void this.send('Page.handleJavaScriptDialog', { accept: true });
    }
    if (method === 'Runtime.exceptionThrown') this.errors.push(exceptionDetails!.exception?.description ?? 'unknown');
    if (method === 'Log.entryAdded' && entry!.level === 'error') this.errors.push(entry!.text);
  }
}
