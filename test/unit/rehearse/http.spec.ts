import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { CrowdClosed, Http, type HttpAnswer } from '../../../scripts/rehearse/http.js';
import { Scheduler } from '../../../scripts/rehearse/scheduler.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];
const crowds: Http[] = [];
const scheduler = new Scheduler();

/** A server that deals with the first requests as told, and answers the rest with their Idempotency-Key. */
async function serverOf(first: Handler[]): Promise<{ origin: string; keys: string[] }> {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    const key = String(request.headers['idempotency-key']);
    keys.push(key);
    const handler = first.shift();
    if (handler !== undefined) return handler(request, response);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ key }));
  });
  servers.push(server);
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${port}`, keys };
}

const crowdOf = (clients: number, ...origins: string[]): Http => {
  const http = new Http(origins, clients, scheduler, () => 0);
  crowds.push(http);
  return http;
};
const post = (http: Http, key: string): Promise<HttpAnswer> =>
  http.ask({ method: 'POST', path: '/', body: {}, idempotencyKey: key });

afterEach(async () => {
  await Promise.all(crowds.splice(0).map((http) => http.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
afterAll(() => scheduler.stop());

describe('how a simulated client asks', () => {
  it('comes back with the same key after a 503, no sooner than Retry-After says, and counts as sent then', async () => {
    const { origin, keys } = await serverOf([
      (_, response) => void response.writeHead(503, { 'retry-after': '1' }).end(),
    ]);
    const http = crowdOf(1, origin);
    const started = performance.now();
    const answer = await post(http, 'k1');
    expect(answer.body).toEqual({ key: 'k1' });
    expect(keys).toEqual(['k1', 'k1']);
    expect(answer.sentAt - started).toBeGreaterThanOrEqual(1000);
    expect(http.repeats).toEqual({ refused: 1, broken: 0 });
  });

  it('comes back with the same key after a broken connection, and counts as sent at first: it may have been taken', async () => {
    const { origin, keys } = await serverOf([
      (request) => request.socket.destroy(),
      (_, response) => void response.writeHead(503, { 'retry-after': '1' }).end(),
    ]);
    const http = crowdOf(1, origin);
    const started = performance.now();
    const answer = await post(http, 'k1');
    expect(keys).toEqual(['k1', 'k1', 'k1']);
    expect(answer.sentAt - started).toBeLessThan(1000);
    expect(answer.answeredAt - started).toBeGreaterThanOrEqual(1000);
    expect(http.repeats).toEqual({ refused: 1, broken: 1 });
  });

  it('goes to the next process where one refuses connections', async () => {
    const { origin } = await serverOf([]);
    const http = crowdOf(2, `http://127.0.0.1:${await freePort()}`, origin);
    expect((await post(http, 'k1')).body).toEqual({ key: 'k1' });
  });

  it('hands every request over before an answer comes, and never says that one was sent after its answer', async () => {
    const { origin, keys } = await serverOf([]);
    const http = crowdOf(300, origin);
    const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => post(http, `k${index}`)));
    expect(new Set(keys).size).toBe(300);
    for (const { sentAt, answeredAt, status } of answers) {
      expect(status).toBe(200);
      expect(sentAt).toBeLessThan(answeredAt);
    }
  });

  it('sends nothing and waits for nothing once closed', async () => {
    const { origin } = await serverOf([
      (_, response) => void response.writeHead(503, { 'retry-after': '60' }).end(),
    ]);
    const http = crowdOf(1, origin);
    const asked = post(http, 'k1');
    asked.catch(() => undefined);
    await scheduler.sleep(100);
    await http.close();
    await expect(asked).rejects.toThrow(CrowdClosed);
    await expect(post(http, 'k2')).rejects.toThrow(CrowdClosed);
  });
});
