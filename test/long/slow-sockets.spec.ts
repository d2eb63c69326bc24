import { WebSocket } from 'undici';
import { startApp } from '../support/app.js';

jest.setTimeout(60_000);

describe('the sockets of the started application', () => {
  it('are closed where the handshake does not come within ten seconds', async () => {
    const test = await startApp();
    const raw = new WebSocket(`${test.api.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const begun = performance.now();
    await new Promise((resolve) => raw.addEventListener('close', resolve));
    expect(performance.now() - begun).toBeGreaterThan(9000);
    await test.close();
  });
});
