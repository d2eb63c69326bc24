import type { Browser, Page } from 'playwright-core';
import { startApp, type TestApp } from '../../support/app.js';
import { describeWithBrowser, startBrowser } from '../../support/browser.js';

jest.setTimeout(120_000);

const PATIENCE_MS = 30_000;

describeWithBrowser('the pages of the started application, in a browser,', () => {
  let test: TestApp;
  let browser: Browser;
  beforeAll(async () => {
    [test, browser] = await Promise.all([startApp(), startBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await test.close();
  });

  /** A page, and what its policy kept it from. */
  async function open(path: string): Promise<{ page: Page; kept: string[] }> {
    const page = await browser.newPage();
    const kept: string[] = [];
    page.on('console', (message) => {
      if (/content security policy|refused to/i.test(message.text())) kept.push(message.text());
    });
    await page.goto(`${test.api.url}${path}`);
    return { page, kept };
  }

  it('the API’s documentation is drawn, and calls the API, under a policy that lets no foreign script run', async () => {
    const { page, kept } = await open('/docs');
    const operation = page.locator('#operations-offers-offers_list');
    await operation.waitFor({ timeout: PATIENCE_MS });
    await operation.locator('.opblock-summary-control').click();
    await operation.locator('.try-out__btn').click();
    await operation.locator('.execute').click();
    await operation.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor();
    expect(kept).toEqual([]);
    const ran: unknown = await page.evaluate(`(async () => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return 'injected' in window;
    })()`);
    expect(ran).toBe(false);
    expect(kept).not.toEqual([]);
    await page.close();
  });

  it('the queue’s board lets an operator in by its form, and is drawn', async () => {
    const { page, kept } = await open('/admin/queues');
    await page.locator('#token').fill(test.api.operator);
    await page.getByRole('button').click();
    await page.getByText('booking-queue', { exact: false }).first().waitFor({ timeout: PATIENCE_MS });
    // Fonts that it would fetch from elsewhere are not fetched; nothing else is missing.
    expect(kept.filter((message) => !message.includes('font'))).toEqual([]);
    await page.close();
  });
});
