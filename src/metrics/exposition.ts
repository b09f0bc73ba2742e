/** Serves Prometheus metrics over HTTP, within limits that slow or numerous scrapers cannot exceed. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { addressOf } from '../core/transport/address';
import { ClusterError } from '../core/errors';
import { listenError } from '../core/transport/listener';

export interface Exposition {
  /** Closes it with all of its connections. */
  close(): Promise<void>;
}

/**
 * Scrapers must not cost memory or places forever. A scraper needs one connection for a moment, and one request on it:
 * keeping it open between two scrapes gains nothing.
 */
const MAX_CONNECTIONS = 32;
const LIMITS = {
  maxHeaderSize: 8192,
  headersTimeout: 3_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const IDLE_TIMEOUT_MS = 3_000;

const PLAIN = 'text/plain; charset=utf-8';

/**
 * Serves the metrics of `registry` at `address` (host:port).
 * @throws ClusterError `address_in_use` | `bad_config` naming key and flag
 */
export async function expose(address: string, registry: Registry): Promise<Exposition> {
  const answers = new Answers(registry);
  const server = createServer(LIMITS, (request, response) => {
    // Whatever a request does, it affects at most its own connection.
    answers.answer(request, response).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_TIMEOUT_MS);
  await listenAt(server, address);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { close };
}

function listenAt(server: Server, address: string): Promise<void> {
  const { host, port } = addressOf(address);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(named(listenError(error, address))));
    server.listen({ host, port }, () => {
      // Any later error is a single connection's accept: the next scrape tries again.
      server.removeAllListeners('error').on('error', () => undefined);
      resolve();
    });
  });
}

function named({ code, message }: ClusterError): ClusterError {
  return new ClusterError(code, `metrics_address (--metrics-address): ${message}`);
}

class Answers {
  /** The page being made, which also answers requests that arrive meanwhile. */
  private making: Promise<Buffer> | undefined;

  constructor(private readonly registry: Registry) {}

  async answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return end(response, 405, 'only GET and HEAD\n');
    }
    const path = url?.split('?', 1)[0];
    if (path === '/') return end(response, 200, 'cloudp2p: metrics for Prometheus are at /metrics\n');
    if (path !== '/metrics') return end(response, 404, 'not found; metrics are at /metrics\n');
    try {
      this.making ??= this.make();
      end(response, 200, await this.making, this.registry.contentType);
    } catch (error) {
      end(response, 500, `metrics cannot be read: ${(error as Error).message}\n`);
    }
  }

  private async make(): Promise<Buffer> {
    try {
      return Buffer.from(await this.registry.metrics());
    } finally {
      this.making = undefined;
    }
  }
}

function end(response: ServerResponse, status: number, body: string | Buffer, type = PLAIN): void {
  const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), Connection: 'close' };
  response.writeHead(status, headers);
  response.end(body);
}
